_base_ = [
    '../_base_/models/fast-rcnn_mvitv2_ava.py',
    '../_base_/datasets/ava22_16x4.py',
    '../_base_/schedules/ava_sgd_30e.py',
    '../_base_/default_runtime_ava.py',
]

model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-small-16x4_k400')))
