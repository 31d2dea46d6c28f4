_base_ = [
    '../_base_/models/fast-rcnn_mvitv2-base_ava.py',
    '../_base_/datasets/ava22_32x3.py',
    '../_base_/schedules/ava_sgd_30e.py',
    '../_base_/default_runtime_ava.py',
]

model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-base-32x3_k400')))
