# as in detectron2's ViTDet project
_base_ = './cascade-mask-rcnn_mvitv2_fpn.py'

norm_cfg = dict(type='mvitv2_mm.LayerNorm2d', eps=1e-6)
model = dict(
    # images fit into 1024 x 1024, so that all become that square
    data_preprocessor=dict(pad_size_divisor=1024),
    neck=dict(norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_head=[dict(head, norm_cfg=norm_cfg) for head in _base_.model.roi_head.bbox_head],
        mask_head=dict(norm_cfg=norm_cfg)))
