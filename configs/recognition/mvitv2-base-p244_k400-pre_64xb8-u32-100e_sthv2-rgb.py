_base_ = [
    '../_base_/models/mvitv2-base_recognizer_sthv2.py',
    '../_base_/datasets/sthv2_u32.py',
    '../_base_/schedules/sthv2_sgd_100e_mvitv2-base.py',
    '../_base_/default_runtime_recognition.py',
]

model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-base-32x3_k400')))
