"""Recipes transcribed from the paper (B.3) and detectron2's projects MViTv2 and ViTDet."""
COMMON = dict(batch=64, num_classes=80, score_thr=0.05, max_per_img=100, nms='nms', warmup=250)
PROJECT = dict(
    COMMON,
    lr=1.6e-4,
    iters=67500,
    milestones=(52500, 62500),
    epochs=36.6,
    rel_pos_decay=0.,
    data='ms-crop',
    pad_to=32,
    norm='SyncBN',
    val_interval=5000)
MASK_RCNN = dict(PROJECT, norm=None)
LSJ = dict(PROJECT, data='lsj')
LSJ_50E = dict(LSJ, lr=1e-4, iters=92187, milestones=(81944, 88773), epochs=50)
# LayerNorm in neck and heads, squares, decayed tables
VITDET = dict(LSJ, data='lsj-square', pad_to=1024, norm='LN', rel_pos_decay=0.1)
VITDET_100E = dict(VITDET, lr=8e-5, iters=184375, milestones=(163889, 177546), epochs=100)
VITDET_50E = dict(VITDET, lr=8e-5, iters=92187, milestones=(81944, 88773), warmup=125, epochs=50)
LVIS = dict(VITDET, num_classes=1203, score_thr=0.02, max_per_img=300, val_interval=30000)
LVIS_100E = dict(LVIS, lr=1e-4, iters=156250, milestones=(138889, 150463), epochs=100)
LVIS_50E = dict(LVIS, iters=78125, milestones=(69444, 75231), epochs=50)

# drop path rate, parameters of the backbone in detection
TINY = dict(arch='tiny', drop_path=0.2, backbone_params=23_405_664, neck=(96, 192, 384, 768))
SMALL = dict(TINY, arch='small', backbone_params=34_102_560)
BASE = dict(TINY, arch='base', drop_path=0.4, backbone_params=50_705_088)
LARGE = dict(arch='large', drop_path=0.5, backbone_params=212_484_384, neck=(144, 288, 576, 1152))
# the IN-1K large net widens in the MLP of the last block of a stage
LARGE_IN1K = dict(LARGE, in_mlp=True, backbone_params=216_843_984, neck=(288, 576, 1152, 1152))
HUGE = dict(
    arch='huge',
    drop_path=0.6,
    with_cp=True,
    backbone_params=665_345_408,
    neck=(192, 384, 768, 1536))

MS_CROP = 'fpn_64xb1-amp-ms-crop-3x_coco'
# named by several tests
MASK_RCNN_TINY = f'mask-rcnn_mvitv2-tiny_{MS_CROP}'
CASCADE_TINY = f'cascade-mask-rcnn_mvitv2-tiny_{MS_CROP}'
CASCADE_LSJ = 'cascade-mask-rcnn_mvitv2-large-in21k_fpn_64xb1-amp-lsj-50e_coco'
CASCADE_TTA = 'cascade-mask-rcnn_mvitv2-large-in21k_fpn_64xb1-amp-lsj-50e-soft-nms_coco'
# million: parameters of the detector, of those with IN-1K large as the authors print them
RECIPES = {
    MASK_RCNN_TINY:
    dict(MASK_RCNN, **TINY, init='tiny_in1k', million='43.68'),
    # the paper alone has these; it prints 0.3 for the drop path of small
    f'mask-rcnn_mvitv2-small_{MS_CROP}':
    dict(MASK_RCNN, **dict(SMALL, drop_path=0.3), init='small_in1k', million='54.38'),
    f'mask-rcnn_mvitv2-small-in21k_{MS_CROP}':
    dict(MASK_RCNN, **dict(SMALL, drop_path=0.3), init='small_64xb32_in21k', million='54.38'),
    f'mask-rcnn_mvitv2-base_{MS_CROP}':
    dict(MASK_RCNN, **BASE, init='base_in1k', million='70.98'),
    f'mask-rcnn_mvitv2-base-in21k_{MS_CROP}':
    dict(MASK_RCNN, **BASE, init='base_in21k', million='70.98'),
    f'mask-rcnn_mvitv2-large_{MS_CROP}':
    dict(MASK_RCNN, **LARGE_IN1K, init='large_in1k', million='238'),
    f'mask-rcnn_mvitv2-large-in21k_{MS_CROP}':
    dict(MASK_RCNN, **LARGE, init='large_in21k', million='232.9'),
    CASCADE_TINY:
    dict(PROJECT, **TINY, init='tiny_in1k', million='75.85'),
    f'cascade-mask-rcnn_mvitv2-small_{MS_CROP}':
    dict(PROJECT, **SMALL, init='small_in1k', million='86.54'),
    f'cascade-mask-rcnn_mvitv2-base_{MS_CROP}':
    dict(PROJECT, **BASE, init='base_in1k', million='103.15'),
    f'cascade-mask-rcnn_mvitv2-base-in21k_{MS_CROP}':
    dict(PROJECT, **BASE, init='base_in21k', million='103.15'),
    f'cascade-mask-rcnn_mvitv2-large_{MS_CROP}':
    dict(PROJECT, **LARGE_IN1K, init='large_in1k', million='270'),
    CASCADE_LSJ:
    dict(LSJ_50E, **LARGE, init='large_in21k', million='265.1'),
    CASCADE_TTA:
    dict(LSJ_50E, **LARGE, init='large_in21k', million='265.1', nms='soft_nms'),
    'cascade-mask-rcnn_mvitv2-huge-in21k_fpn_64xb1-amp-lsj-3x_coco':
    dict(LSJ, **HUGE, init='huge_in21k', million='718.2'),
    'cascade-mask-rcnn_mvitv2-huge-in21k_fpn_64xb1-amp-lsj-3x_coco-o':
    dict(LSJ, **HUGE, init='huge_in21k', million='718.2'),
    'cascade-mask-rcnn_mvitv2-base-in21k_fpn_64xb1-amp-lsj-100e-ln_coco':
    dict(VITDET_100E, **BASE, init='base_in21k', million='103.15'),
    'cascade-mask-rcnn_mvitv2-large-in21k_fpn_64xb1-amp-lsj-50e-ln_coco':
    dict(VITDET_50E, **LARGE, init='large_in21k', million='265.1'),
    'cascade-mask-rcnn_mvitv2-huge-in21k_fpn_64xb1-amp-lsj-36e-ln_coco':
    dict(VITDET, **HUGE, init='huge_in21k', million='718.2'),
    'cascade-mask-rcnn_mvitv2-base-in21k_fpn_64xb1-amp-lsj-100e-ln_lvis':
    dict(LVIS_100E, **BASE, init='base_in21k', million=None),
    'cascade-mask-rcnn_mvitv2-large-in21k_fpn_64xb1-amp-lsj-50e-ln_lvis':
    dict(LVIS_50E, **LARGE, lr=4e-5, init='large_in21k', million=None),
    'cascade-mask-rcnn_mvitv2-huge-in21k_fpn_64xb1-amp-lsj-50e-ln_lvis':
    dict(LVIS_50E, **HUGE, lr=2e-5, init='huge_in21k', million=None),
}
