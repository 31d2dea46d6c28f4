train_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleClips', clip_len=16, frame_interval=4, target_fps=30),
    dict(type='mvitv2_mm.ReadFrames'),
    dict(type='Resize', scale=(-1, 256)),
    # rand-m7-n4-mstd0.5-inc1
    dict(type='mvitv2_mm.ClipRandAugment', magnitude=7, num_ops=4, magnitude_std=0.5),
    dict(type='RandomResizedCrop', area_range=(0.08, 1.), aspect_ratio_range=(0.75, 1.3333)),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
# the centre of the video
val_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(
        type='mvitv2_mm.SampleClips',
        clip_len=16,
        frame_interval=4,
        target_fps=30,
        num_clips=1,
        test_mode=True),
    dict(type='mvitv2_mm.ReadFrames'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
# 5 clips x 1 crop
test_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(
        type='mvitv2_mm.SampleClips',
        clip_len=16,
        frame_interval=4,
        target_fps=30,
        num_clips=5,
        test_mode=True),
    *val_pipeline[2:],
]

data_root = 'data/kinetics400'
train_dataloader = dict(
    # 8 videos x 2 repeats = 16 clips
    batch_size=8,
    num_workers=8,
    # with these seeds a resumed training equals an uninterrupted one
    worker_init_fn=dict(type='mvitv2_mm.seed_worker'),
    pin_memory=True,
    drop_last=True,
    collate_fn=dict(type='repeat_pseudo_collate'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mvitv2_mm.ClipDataset',
        data_root=data_root,
        ann_file='kinetics400_train_list_videos.txt',
        data_prefix=dict(video='videos_train'),
        num_repeats=2,
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mvitv2_mm.ClipDataset',
        data_root=data_root,
        ann_file='kinetics400_val_list_videos.txt',
        data_prefix=dict(video='videos_val'),
        test_mode=True,
        pipeline=val_pipeline))
test_dataloader = dict(
    batch_size=4,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mvitv2_mm.ClipDataset',
        data_root=data_root,
        ann_file='kinetics400_val_list_videos.txt',
        data_prefix=dict(video='videos_val'),
        test_mode=True,
        pipeline=test_pipeline))
val_evaluator = dict(type='AccMetric')
test_evaluator = val_evaluator
