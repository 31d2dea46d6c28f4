_base_ = [
    '../_base_/models/fast-rcnn_mvitv2-base_ava.py',
    '../_base_/datasets/ava22_32x3.py',
    '../_base_/schedules/ava_sgd_30e.py',
    '../_base_/default_runtime_ava.py',
]

# not published: of the recipe in configs/recognition
checkpoint = 'work_dirs/mvitv2-base-p244_32xb16-32x3x1-200e_kinetics600-rgb/epoch_200.pth'
model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint=checkpoint)))
