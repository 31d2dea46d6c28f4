_base_ = [
    '../_base_/models/cascade-mask-rcnn_mvitv2_fpn_ln.py',
    '../_base_/datasets/coco_instance_lsj-square.py',
    '../_base_/schedules/vitdet_adamw_3x.py',
    '../_base_/default_runtime_detection.py',
]

model = dict(
    backbone=dict(
        arch='huge',
        drop_path_rate=0.6,
        with_cp=True,
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-huge_in21k')),
    neck=dict(in_channels=[192, 384, 768, 1536]))
