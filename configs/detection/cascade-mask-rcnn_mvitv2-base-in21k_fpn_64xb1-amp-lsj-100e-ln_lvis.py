_base_ = [
    '../_base_/models/cascade-mask-rcnn_mvitv2_fpn_ln_lvis.py',
    '../_base_/datasets/lvis_v1_instance_lsj-square.py',
    '../_base_/schedules/vitdet_adamw_100e_lvis.py',
    '../_base_/default_runtime_detection.py',
]

model = dict(
    backbone=dict(
        arch='base',
        drop_path_rate=0.4,
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-base_in21k')))
