_base_ = [
    '../_base_/models/mask-rcnn_mvitv2_fpn.py',
    '../_base_/datasets/coco_instance_ms-crop.py',
    '../_base_/schedules/coco_adamw_3x.py',
    '../_base_/default_runtime_detection.py',
]

# drop path as in the released weights, 0.2; the paper prints 0.1
model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-tiny_in1k')))
