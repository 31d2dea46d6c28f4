_base_ = ['./kinetics400.py', '../loaders/train.py', '../loaders/test.py']

from mvitv2_mm.config_edit import edit

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
test_pipeline = edit(val_pipeline, SampleClips=dict(num_clips=5))

train_dataloader = dict(
    # 8 videos x 2 repeats = 16 clips
    batch_size=8,
    collate_fn=dict(type='repeat_pseudo_collate'),
    dataset=dict(_base_.kinetics400.train, num_repeats=2, pipeline=_base_.train_pipeline))
val_dataloader = dict(
    batch_size=8, dataset=dict(_base_.kinetics400.val, test_mode=True, pipeline=val_pipeline))
test_dataloader = dict(
    batch_size=4, dataset=dict(_base_.kinetics400.val, test_mode=True, pipeline=test_pipeline))
val_evaluator = dict(type='AccMetric')
test_evaluator = val_evaluator
