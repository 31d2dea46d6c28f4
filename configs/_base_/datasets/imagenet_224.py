_base_ = ['../loaders/train.py', '../loaders/test.py']

train_pipeline = [
    # as Pillow decodes, resizes and warps, and pictures lie as they are stored, as in the official
    # code
    dict(type='mvitv2_mm.LoadImage', color_type='color_ignore_orientation'),
    dict(
        type='mvitv2_mm.RandomResizedCrop',
        scale=224,
        crop_ratio_range=(0.08, 1.),
        aspect_ratio_range=(3 / 4, 4 / 3),
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    # rand-m9-n6-mstd0.5-inc1, filled with the mean colour
    dict(type='mvitv2_mm.ImageRandAugment', magnitude=9, num_ops=6, fill=[124, 116, 104]),
    dict(type='mvitv2_mm.PackInputs'),
]
test_pipeline = [
    dict(type='mvitv2_mm.LoadImage', color_type='color_ignore_orientation'),
    # 224 / 0.875
    dict(type='ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]

data_root = 'data/imagenet'
train_dataloader = dict(
    batch_size=256,
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mvitv2_mm.ImageNet', data_root=data_root, split='train', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=256,
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mvitv2_mm.ImageNet', data_root=data_root, split='val', pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
