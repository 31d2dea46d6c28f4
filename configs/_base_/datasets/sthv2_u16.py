_base_ = ['../loaders/train.py', '../loaders/test.py']

from mvitv2_mm.config_edit import edit

# Frames are jpg files at 30 fps. RandAugment sees RGB; the official loader hands it BGR, which only
# swaps two luma weights of the operations Color and Contrast.
train_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleSegments', clip_len=16),
    dict(type='mvitv2_mm.ReadFrames'),
    # rand-m7-n4-mstd0.5-inc1, at the size of the files
    dict(type='mvitv2_mm.ClipRandAugment', magnitude=7, num_ops=4, magnitude_std=0.5),
    # The paper says Kinetics' augmentation; the code that ran jitters and crops, without flips:
    # classes tell left from right.
    dict(type='mvitv2_mm.ShortSideJitter', min_size=256, max_size=320),
    dict(type='RandomCrop', size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
val_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleSegments', clip_len=16, test_mode=True),
    dict(type='mvitv2_mm.ReadFrames'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
# 1 clip x 3 crops
test_pipeline = edit(val_pipeline, CenterCrop=dict(type='ThreeCrop', crop_size=224))

data_root = 'data/sthv2'
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        type='mvitv2_mm.ClipDataset',
        data_root=data_root,
        ann_file='sthv2_train_list_rawframes.txt',
        data_prefix=dict(img='rawframes'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=8,
    dataset=dict(
        type='mvitv2_mm.ClipDataset',
        data_root=data_root,
        ann_file='sthv2_val_list_rawframes.txt',
        data_prefix=dict(img='rawframes'),
        test_mode=True,
        pipeline=val_pipeline))
test_dataloader = dict(
    batch_size=4, dataset=dict(val_dataloader['dataset'], pipeline=test_pipeline))
val_evaluator = dict(type='AccMetric')
test_evaluator = val_evaluator
