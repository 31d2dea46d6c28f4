_base_ = './pretrained.py'

num_classes = 1000
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        num_classes=num_classes,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    backbone=dict(type='mvitv2_mm.MViTv2', arch='tiny', drop_path_rate=0.1, out_type='avg_featmap'),
    head=dict(
        type='LinearClsHead',
        num_classes=num_classes,
        in_channels=768,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02, bias=0.)),
    # erases and mixes normalised images
    train_cfg=dict(
        augments=dict(
            type='mvitv2_mm.models.ImageBatchAugment',
            erase_prob=0.25,
            mix_prob=1.,
            switch_prob=0.5,
            mixup_alpha=0.8,
            cutmix_alpha=1.)))
