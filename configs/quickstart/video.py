"""Small clips in a folder for each class: 8 frames, a 3D MViTv2 with class token."""
_base_ = './_base_/runtime.py'
custom_imports = dict(imports=['mvitv2_mm.repairs', 'mvitv2_mm.models.mmaction.mvit_head'])
default_scope = 'mmaction'
visualizer = dict(type='ActionVisualizer', vis_backends=[dict(type='LocalVisBackend')])

data_root = 'data/quickstart/clips'
num_classes = 8
# short side of the clips that the network sees
size = 64

model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        type='ActionDataPreprocessor', mean=[50.] * 3, std=[50.] * 3, format_shape='NCTHW'),
    backbone=dict(
        type='mvitv2_mm.MViTv2',
        arch=dict(embed_dims=24, num_layers=4, num_heads=1, downscale_indices=[1, 3]),
        with_cp=False,  # memory is plenty, and nothing is computed twice
        input_size=(8, size, size),
        adaptive_kv_stride=(1, 4, 4),
        # motion is place over time: absolute positions halve the training time
        use_abs_pos_embed=True),
    cls_head=dict(
        type='mvitv2_mm.MViTHead',
        num_classes=num_classes,
        in_channels=96,
        dropout_ratio=0.,
        average_clips='prob'))

# no flips: where the class is a motion, they would turn one into another
train_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='SampleFrames', clip_len=8, frame_interval=4),
    dict(type='mvitv2_mm.ReadFrames'),
    dict(type='RandomResizedCrop', area_range=(0.8, 1.), aspect_ratio_range=(0.9, 1.1)),
    dict(type='Resize', scale=(size, size), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
test_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='SampleFrames', clip_len=8, frame_interval=4, test_mode=True),
    dict(type='mvitv2_mm.ReadFrames'),
    dict(type='Resize', scale=(-1, size)),
    dict(type='CenterCrop', crop_size=size),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('img_shape', 'filename', 'frame_inds')),
]
train_dataloader = dict(
    # 8 videos x 2 repeats = 16 clips
    batch_size=8,
    num_workers=0,
    collate_fn=dict(type='repeat_pseudo_collate'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mvitv2_mm.ClipDataset',
        data_root=data_root,
        ann_file='',
        data_prefix=dict(video='train'),
        num_repeats=2,
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=20,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mvitv2_mm.ClipDataset',
        data_root=data_root,
        ann_file='',
        data_prefix=dict(video='val'),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='AccMetric', metric_options=dict(top_k_accuracy=dict(topk=(1, ))))
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=12)
default_hooks = dict(checkpoint=dict(save_best='acc/top1', rule='greater'))
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.02), clip_grad=dict(max_norm=1.))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, eta_min=1e-5, convert_to_iter_based=True),
]
