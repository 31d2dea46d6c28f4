_base_ = ['../loaders/train.py', '../loaders/test.py']

from mvitv2_mm.config_edit import edit

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
val_pipeline = edit(
    train_pipeline,
    ShortSideJitter=dict(type='Resize', scale=(-1, 224)),
    RandomCrop=dict(type='CenterCrop', crop_size=224),
    Flip=None,
    PackActionInputs=dict(
        meta_keys=('img_shape', 'img_key', 'video_id', 'timestamp', 'relative_boxes')))
# the whole frames
full_pipeline = edit(val_pipeline, CenterCrop=None)

data_root = 'data/ava'
# of the movies the seconds 900 to 1800 are on disk
movies = dict(data_root=data_root, data_prefix=dict(img='rawframes'), num_frames=27000)
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        type='mvitv2_mm.AVADataset',
        **movies,
        ann_file='annotations/ava_train_v2.2.csv',
        exclude_file='annotations/ava_train_excluded_timestamps_v2.2.csv',
        proposal_file='annotations/ava_dense_proposals_train.FAIR.recall_93.9.pkl',
        pipeline=train_pipeline))
val_dataloader = dict(
    # the RoI head takes no more in testing
    batch_size=1,
    dataset=dict(
        type='mvitv2_mm.AVADataset',
        **movies,
        ann_file='annotations/ava_val_v2.2.csv',
        exclude_file='annotations/ava_val_excluded_timestamps_v2.2.csv',
        proposal_file='annotations/ava_dense_proposals_val.FAIR.recall_93.9.pkl',
        key_seconds=(902, 1798),
        test_mode=True,
        pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='mvitv2_mm.AVAMetric',
    ann_file=f'{data_root}/annotations/ava_val_v2.2.csv',
    label_file=f'{data_root}/annotations/ava_action_list_v2.2_for_activitynet_2019.pbtxt',
    exclude_file=f'{data_root}/annotations/ava_val_excluded_timestamps_v2.2.csv')
test_evaluator = val_evaluator
