# only in the paper, which gives one recipe for all sizes
_base_ = './mask-rcnn_mvitv2-small_fpn_64xb1-amp-ms-crop-3x_coco.py'

# not published: of the recipe in configs/classification
checkpoint = 'work_dirs/mvitv2-small_64xb32_in21k/epoch_90.pth'
model = dict(backbone=dict(init_cfg=dict(checkpoint=checkpoint)))
