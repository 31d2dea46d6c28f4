_base_ = './mvitv2-large_recognizer.py'

# Of the 40x3 clips at 224 pixels (table 14) the paper states no recipe: trained in one stage, with
# mixing, as small and base.
model = dict(
    data_preprocessor=dict(blending=dict(mix_prob=1.)), backbone=dict(input_size=(40, 224, 224)))
