# only in the paper, which gives one recipe for all sizes
_base_ = [
    '../_base_/models/mask-rcnn_mvitv2_fpn.py',
    '../_base_/datasets/coco_instance_ms-crop.py',
    '../_base_/schedules/coco_adamw_3x.py',
    '../_base_/default_runtime_detection.py',
]

model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.5,
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-large_in21k')),
    neck=dict(in_channels=[144, 288, 576, 1152]))
