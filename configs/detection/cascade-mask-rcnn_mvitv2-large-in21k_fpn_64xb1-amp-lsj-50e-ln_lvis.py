_base_ = [
    '../_base_/models/cascade-mask-rcnn_mvitv2_fpn_ln_lvis.py',
    '../_base_/datasets/lvis_v1_instance_lsj-square.py',
    '../_base_/schedules/vitdet_adamw_50e_lvis.py',
    '../_base_/default_runtime_detection.py',
]

model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.5,
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-large_in21k')),
    neck=dict(in_channels=[144, 288, 576, 1152]))
optim_wrapper = dict(optimizer=dict(lr=4e-5))
