_base_ = [
    '../_base_/models/mvitv2-large_recognizer.py',
    '../_base_/datasets/kinetics400_16x4.py',
    '../_base_/schedules/kinetics_adamw_75e.py',
    '../_base_/default_runtime_recognition.py',
]

model = dict(
    # only the stage after this one does without
    data_preprocessor=dict(blending=dict(mix_prob=1.)),
    backbone=dict(
        input_size=(16, 224, 224),
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-large_in21k')))
