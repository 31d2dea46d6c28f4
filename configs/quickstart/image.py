"""Small pictures in a folder for each class: a 2D MViTv2 with two stages of pooling."""
_base_ = './_base_/runtime.py'
custom_imports = dict(imports=['mvitv2_mm.repairs', 'mvitv2_mm.datasets.mmpretrain.image_dataset'])
default_scope = 'mmpretrain'
visualizer = dict(type='UniversalVisualizer', vis_backends=[dict(type='LocalVisBackend')])

data_root = 'data/quickstart/images'
num_classes = 10
# short side of the pictures that the network sees
size = 64

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(mean=[127.5] * 3, std=[60.] * 3, to_rgb=True),
    backbone=dict(
        type='mvitv2_mm.MViTv2',
        arch=dict(embed_dims=24, num_layers=4, num_heads=1, downscale_indices=[1, 3]),
        with_cp=False,  # memory is plenty, and nothing is computed twice
        input_size=size),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=num_classes,
        in_channels=96,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.05, mode='original'),
        topk=(1, )))

train_pipeline = [
    dict(type='mvitv2_mm.LoadImage'),
    dict(type='ResizeEdge', scale=size, edge='short'),
    # mmpretrain heeds padding_mode only where a picture is smaller than the crop
    dict(type='RandomCrop', crop_size=size + size // 4, pad_if_needed=True, padding_mode='edge'),
    dict(type='RandomCrop', crop_size=size),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='mvitv2_mm.LoadImage'),
    dict(type='ResizeEdge', scale=size, edge='short'),
    dict(type='CenterCrop', crop_size=size),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mvitv2_mm.ImageDataset',
        data_root=data_root,
        data_prefix='train',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=60,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mvitv2_mm.ImageDataset',
        data_root=data_root,
        data_prefix='val',
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, ))
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=12)
default_hooks = dict(checkpoint=dict(save_best='accuracy/top1', rule='greater'))
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05), clip_grad=dict(max_norm=1.))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, eta_min=2e-5, convert_to_iter_based=True),
]
