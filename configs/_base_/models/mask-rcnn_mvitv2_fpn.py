# detectron2's Mask R-CNN; what is not stated here is equal in mmdet's
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py', './pretrained.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mvitv2_mm.MViTv2',
        arch='tiny',
        drop_path_rate=0.2,
        out_scales=(0, 1, 2, 3),
        window_size=56,
        rel_pos_zero_init=True),
    neck=dict(in_channels=[96, 192, 384, 768]),
    train_cfg=dict(
        # every object gets its best anchors as positives, however small their overlap
        rpn=dict(assigner=dict(min_pos_iou=0.)),
        rcnn=dict(assigner=dict(match_low_quality=False))))
