_base_ = [
    '../_base_/models/mask-rcnn_mvitv2_fpn.py',
    '../_base_/datasets/coco_instance_ms-crop.py',
    '../_base_/schedules/coco_adamw_3x.py',
    '../_base_/default_runtime_detection.py',
]

model = dict(
    backbone=dict(
        arch='small',
        # the paper, which alone has this detector; the code of its Cascade has 0.2
        drop_path_rate=0.3,
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-small_in1k')))
