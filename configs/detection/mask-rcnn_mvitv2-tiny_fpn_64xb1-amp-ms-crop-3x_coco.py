_base_ = [
    '../_base_/models/mask-rcnn_mvitv2_fpn.py',
    '../_base_/datasets/coco_instance_ms-crop.py',
    '../_base_/schedules/coco_adamw_3x.py',
    '../_base_/default_runtime_detection.py',
]

checkpoint = 'https://dl.fbaipublicfiles.com/mvit/mvitv2_models/MViTv2_T_in1k.pyth'
model = dict(
    backbone=dict(
        arch='tiny',
        # the released weights; the paper prints 0.1
        drop_path_rate=0.2,
        init_cfg=dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    neck=dict(in_channels=[96, 192, 384, 768]))
