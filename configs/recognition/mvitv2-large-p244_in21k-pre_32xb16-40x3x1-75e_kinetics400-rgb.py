_base_ = [
    '../_base_/models/mvitv2-large_recognizer_224.py',
    '../_base_/datasets/kinetics400_40x3.py',
    '../_base_/schedules/kinetics_adamw_75e.py',
    '../_base_/default_runtime_recognition.py',
]

model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-large_in21k')))
