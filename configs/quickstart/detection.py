"""Objects with masks in small pictures: Mask R-CNN on a 2D MViTv2 with windows."""
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py', './_base_/runtime.py']
custom_imports = dict(imports=[
    'mvitv2_mm.repairs', 'mvitv2_mm.datasets.mmdet.coco_dataset',
    'mvitv2_mm.datasets.mmdet.load_objects', 'mvitv2_mm.evaluation.mmdet.coco_metric'
])
default_scope = 'mmdet'
visualizer = dict(type='DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])

data_root = 'data/quickstart/scenes/'
classes = ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')
num_classes = len(classes)
# pictures are resized to fit into a square of this side
size = 128
channels = 64
strides = [4, 8, 16, 32]
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[60.] * 3),
    backbone=dict(
        _delete_=True,
        type='mvitv2_mm.MViTv2',
        arch=dict(embed_dims=24, num_layers=6, num_heads=1, downscale_indices=[1, 3, 5]),
        with_cp=False,  # memory is plenty, and nothing is computed twice
        input_size=size,
        window_size=16,
        out_scales=(0, 1, 2, 3)),
    neck=dict(in_channels=[24, 48, 96, 192], out_channels=channels, num_outs=4),
    rpn_head=dict(
        in_channels=channels,
        feat_channels=channels,
        anchor_generator=dict(scales=[6], ratios=[0.7, 1., 1.6], strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=channels),
        bbox_head=dict(
            in_channels=channels,
            fc_out_channels=256,
            num_classes=num_classes,
            reg_class_agnostic=True),
        mask_roi_extractor=dict(out_channels=channels),
        mask_head=dict(
            num_convs=2,
            in_channels=channels,
            conv_out_channels=32,
            num_classes=num_classes,
            class_agnostic=True)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=32))),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=50), rcnn=dict(max_per_img=20)))

train_pipeline = [
    dict(type='mvitv2_mm.LoadImage'),
    # run-length codes too, which poly2mask=False would silently ignore
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=True),
    dict(type='Resize', scale=(size, size), keep_ratio=True),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='mvitv2_mm.LoadImage'),
    dict(type='Resize', scale=(size, size), keep_ratio=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mvitv2_mm.CocoDataset',
        data_root=data_root,
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='train/'),
        metainfo=dict(classes=classes),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mvitv2_mm.CocoDataset',
        data_root=data_root,
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='val/'),
        metainfo=dict(classes=classes),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='mvitv2_mm.CocoMetric',
    ann_file=data_root + 'annotations/instances_val.json',
    metric=['bbox', 'segm'])
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=10, val_interval=2)
default_hooks = dict(checkpoint=dict(save_best='coco/bbox_mAP', rule='greater'))
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01), clip_grad=dict(max_norm=5.))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, eta_min=1e-5, convert_to_iter_based=True),
]
