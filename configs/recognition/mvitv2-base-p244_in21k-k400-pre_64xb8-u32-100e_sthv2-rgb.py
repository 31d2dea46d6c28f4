_base_ = [
    '../_base_/models/mvitv2-base_recognizer_sthv2.py',
    '../_base_/datasets/sthv2_u32.py',
    '../_base_/schedules/sthv2_sgd_100e_mvitv2-base.py',
    '../_base_/default_runtime_recognition.py',
]

# not published: of the recipe in this folder
checkpoint = 'work_dirs/mvitv2-base-p244_in21k-pre_32xb16-32x3x1-75e_kinetics400-rgb/epoch_75.pth'
model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint=checkpoint)))
