# only in the paper, which gives one recipe for all sizes
_base_ = [
    '../_base_/models/mask-rcnn_mvitv2_fpn.py',
    '../_base_/datasets/coco_instance_ms-crop.py',
    '../_base_/schedules/coco_adamw_3x.py',
    '../_base_/default_runtime_detection.py',
]

model = dict(
    backbone=dict(
        arch='base',
        drop_path_rate=0.4,
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-base_in1k')))
