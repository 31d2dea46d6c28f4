train_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleKeyFrame', clip_len=16, frame_interval=4),
    dict(type='mvitv2_mm.ReadFrames'),
    dict(type='mvitv2_mm.BoxesToPixels'),
    dict(type='mvitv2_mm.ShortSideJitter', min_size=256, max_size=320),
    dict(type='RandomCrop', size=224),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW', collapse=True),
    dict(type='PackActionInputs'),
]
# the centre of the frames
val_pipeline = [
    *train_pipeline[:4],
    dict(type='Resize', scale=(-1, 224)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW', collapse=True),
    dict(
        type='PackActionInputs',
        meta_keys=('img_shape', 'img_key', 'video_id', 'timestamp', 'relative_boxes')),
]
# the whole frames
full_pipeline = [*val_pipeline[:5], *val_pipeline[6:]]

data_root = 'data/ava'
train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    # with these seeds a resumed training equals an uninterrupted one
    worker_init_fn=dict(type='mvitv2_mm.seed_worker'),
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mvitv2_mm.AVADataset',
        data_root=data_root,
        ann_file='annotations/ava_train_v2.2.csv',
        exclude_file='annotations/ava_train_excluded_timestamps_v2.2.csv',
        proposal_file='annotations/ava_dense_proposals_train.FAIR.recall_93.9.pkl',
        data_prefix=dict(img='rawframes'),
        pipeline=train_pipeline))
val_dataloader = dict(
    # the RoI head takes no more in testing
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mvitv2_mm.AVADataset',
        data_root=data_root,
        ann_file='annotations/ava_val_v2.2.csv',
        exclude_file='annotations/ava_val_excluded_timestamps_v2.2.csv',
        proposal_file='annotations/ava_dense_proposals_val.FAIR.recall_93.9.pkl',
        data_prefix=dict(img='rawframes'),
        test_mode=True,
        pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='mvitv2_mm.AVAMetric',
    ann_file=f'{data_root}/annotations/ava_val_v2.2.csv',
    label_file=f'{data_root}/annotations/ava_action_list_v2.2_for_activitynet_2019.pbtxt',
    exclude_file=f'{data_root}/annotations/ava_val_excluded_timestamps_v2.2.csv')
test_evaluator = val_evaluator
