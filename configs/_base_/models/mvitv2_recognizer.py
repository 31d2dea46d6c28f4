_base_ = './pretrained.py'

num_classes = 400
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[114.75, 114.75, 114.75],
        std=[57.375, 57.375, 57.375],
        format_shape='NCTHW',
        # erases and mixes normalised clips
        blending=dict(
            type='mvitv2_mm.ClipBatchAugment',
            num_classes=num_classes,
            erase_prob=0.25,
            mix_prob=1.,
            switch_prob=0.5,
            mixup_alpha=0.8,
            cutmix_alpha=1.)),
    backbone=dict(
        type='mvitv2_mm.MViTv2', arch='small', input_size=(16, 224, 224), drop_path_rate=0.2),
    cls_head=dict(
        type='mvitv2_mm.MViTHead',
        num_classes=num_classes,
        in_channels=768,
        dropout_ratio=0.5,
        label_smooth_eps=0.1,
        average_clips='prob'))
