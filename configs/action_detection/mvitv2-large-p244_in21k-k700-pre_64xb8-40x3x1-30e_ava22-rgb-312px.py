_base_ = [
    '../_base_/models/fast-rcnn_mvitv2-large_ava.py',
    '../_base_/datasets/ava22_40x3-312px.py',
    '../_base_/schedules/ava_sgd_30e.py',
    '../_base_/default_runtime_ava.py',
]

# not published: of the recipe in configs/recognition
source = 'mvitv2-large-p244_in21k-pre_128xb1-40x3x1-30e_kinetics700-rgb-312px'
model = dict(
    backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint=f'work_dirs/{source}/epoch_30.pth')))
