_base_ = './coco_instance_ms-crop.py'

train_pipeline = [
    dict(type='mvitv2_mm.LoadImage'),
    # polygons stay exact at any scale
    dict(type='mvitv2_mm.LoadObjects', with_bbox=True, with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomResize',
        # as Pillow does, with which detectron2 resizes
        resize_type='mvitv2_mm.ResizeObjects',
        scale=(1024, 1024),
        ratio_range=(0.1, 2.0),
        keep_ratio=True),
    dict(
        type='mvitv2_mm.FixedSizeCrop',
        crop_size=(1024, 1024),
        recompute_bbox=True,
        allow_negative_crop=True),
    # objects that the crop left without a box go, images without objects stay
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1e-5, 1e-5), keep_empty=False),
    dict(type='Pad', size=(1024, 1024), pad_val=dict(img=(128, 128, 128))),
    dict(type='mvitv2_mm.PackDetInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
