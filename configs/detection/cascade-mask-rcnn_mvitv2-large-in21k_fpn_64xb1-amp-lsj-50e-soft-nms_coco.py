# With `python -m mvitv2_mm test --tta` this is the multi-scale test as well.
_base_ = [
    './cascade-mask-rcnn_mvitv2-large-in21k_fpn_64xb1-amp-lsj-50e_coco.py',
    '../_base_/coco_tta.py',
]

# The published settings are unknown: the threshold is that of the plain NMS, the rest mmcv's.
model = dict(test_cfg=dict(rcnn=dict(nms=dict(type='soft_nms'))))
