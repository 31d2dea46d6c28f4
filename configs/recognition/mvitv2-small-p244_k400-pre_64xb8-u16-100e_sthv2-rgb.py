_base_ = [
    '../_base_/models/mvitv2_recognizer_sthv2.py',
    '../_base_/datasets/sthv2_u16.py',
    '../_base_/schedules/sthv2_sgd_100e.py',
    '../_base_/default_runtime_recognition.py',
]

model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-small-16x4_k400')))
