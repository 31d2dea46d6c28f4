# detectron2 resizes with Pillow; ResizeObjects as Pillow does
short_sides = [480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800]

train_pipeline = [
    dict(type='mvitv2_mm.LoadImage'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=True),
    # in the code alone; the paper prints only the second resize
    dict(
        type='RandomApply',
        prob=0.5,
        transforms=[
            # 4200 bounds no long side of COCO
            dict(
                type='RandomChoiceResize',
                scales=[(400, 4200), (500, 4200), (600, 4200)],
                resize_type='mvitv2_mm.ResizeObjects',
                keep_ratio=True),
            dict(
                type='RandomCrop',
                crop_type='absolute_range',
                crop_size=(384, 600),
                allow_negative_crop=True),
        ]),
    dict(
        type='RandomChoiceResize',
        scales=[(side, 1333) for side in short_sides],
        resize_type='mvitv2_mm.ResizeObjects',
        keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    # objects that the crop left without a box or mask go, images without objects stay
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1e-5, 1e-5), by_mask=True, keep_empty=False),
    dict(type='mvitv2_mm.PackDetInputs'),
]
test_pipeline = [
    dict(type='mvitv2_mm.LoadImage'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True, backend='pillow'),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]

data_root = 'data/coco/'
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='mvitv2_mm.CocoDataset',
        data_root=data_root,
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/'),
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mvitv2_mm.CocoDataset',
        data_root=data_root,
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/'),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='mvitv2_mm.CocoMetric',
    ann_file=data_root + 'annotations/instances_val2017.json',
    metric=['bbox', 'segm'])
test_evaluator = val_evaluator
