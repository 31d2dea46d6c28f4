# Where Kinetics-400 lies, and how its clips are augmented.
kinetics400 = {
    split:
    dict(
        type='mvitv2_mm.ClipDataset',
        data_root='data/kinetics400',
        ann_file=f'kinetics400_{split}_list_videos.txt',
        data_prefix=dict(video=f'videos_{split}'))
    for split in ('train', 'val')
}
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
