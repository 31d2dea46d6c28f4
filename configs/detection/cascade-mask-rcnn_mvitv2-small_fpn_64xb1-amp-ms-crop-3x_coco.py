_base_ = [
    '../_base_/models/cascade-mask-rcnn_mvitv2_fpn.py',
    '../_base_/datasets/coco_instance_ms-crop.py',
    '../_base_/schedules/coco_adamw_3x.py',
    '../_base_/default_runtime_detection.py',
]

model = dict(
    backbone=dict(
        arch='small',
        # the released weights; the paper prints 0.3
        drop_path_rate=0.2,
        init_cfg=dict(type='Pretrained', checkpoint='mvitv2-small_in1k', prefix='backbone.')))
