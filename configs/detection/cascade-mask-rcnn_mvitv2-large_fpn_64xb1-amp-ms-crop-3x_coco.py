# paper only, one recipe for all; IN-1K large widens in the MLP, which detectron2's net cannot
_base_ = [
    '../_base_/models/cascade-mask-rcnn_mvitv2_fpn.py',
    '../_base_/datasets/coco_instance_ms-crop.py',
    '../_base_/schedules/coco_adamw_3x.py',
    '../_base_/default_runtime_detection.py',
]

model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.5,
        dim_mul_in_attention=False,
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-large_in1k')),
    neck=dict(in_channels=[288, 576, 1152, 1152]))
