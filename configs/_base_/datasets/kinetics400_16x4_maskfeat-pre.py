_base_ = './kinetics400_16x4.py'

train_pipeline = [
    *_base_.train_pipeline[:4],
    # rand-m7-mstd0.5-inc1, whose default is 2 operations
    dict(type='mvitv2_mm.ClipRandAugment', magnitude=7, num_ops=2, magnitude_std=0.5),
    *_base_.train_pipeline[5:],
]
# 10 clips x 1 crop
test_pipeline = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(
        type='mvitv2_mm.SampleClips',
        clip_len=16,
        frame_interval=4,
        target_fps=30,
        num_clips=10,
        test_mode=True),
    *_base_.test_pipeline[2:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
