_base_ = [
    '../_base_/models/mvitv2-large_recognizer_224.py',
    '../_base_/datasets/kinetics400_40x3.py',
    '../_base_/schedules/kinetics_adamw_100e.py',
    '../_base_/default_runtime_recognition.py',
]

# widens in the MLPs, as the weights it starts from
model = dict(
    backbone=dict(
        dim_mul_in_attention=False,
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-large_in1k')))
