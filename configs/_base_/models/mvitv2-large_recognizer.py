_base_ = './mvitv2_recognizer.py'

model = dict(
    # ImageNet's, after which the large models start
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        # no mixing in the last stage (B.4); the head still smooths the labels
        blending=dict(mix_prob=0.)),
    backbone=dict(arch='large', input_size=(40, 312, 312), drop_path_rate=0.75, with_cp=True),
    cls_head=dict(in_channels=1152))
