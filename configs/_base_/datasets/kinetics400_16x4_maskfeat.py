train_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleClips', clip_len=16, frame_interval=4, target_fps=30),
    dict(type='mvitv2_mm.ReadFrames'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='RandomResizedCrop', area_range=(0.5, 1.), aspect_ratio_range=(0.75, 1.3333)),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    # 157 of 392 cells
    dict(
        type='mvitv2_mm.MaskCubes',
        grid_size=(8, 7, 7),
        mask_ratio=0.4,
        min_area=9,
        max_area=49,
        min_aspect=0.3),
    dict(type='PackActionInputs', algorithm_keys=('mask', )),
]

# the labels are not used
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    # with these seeds a resumed training equals an uninterrupted one
    worker_init_fn=dict(type='mvitv2_mm.seed_worker'),
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mvitv2_mm.ClipDataset',
        data_root='data/kinetics400',
        ann_file='kinetics400_train_list_videos.txt',
        data_prefix=dict(video='videos_train'),
        pipeline=train_pipeline))
