_base_ = './ava22_16x4.py'

from mvitv2_mm.config_edit import edit

clip = dict(clip_len=40, frame_interval=3)
train_pipeline = edit(
    _base_.train_pipeline,
    SampleKeyFrame=clip,
    # not published for 312; that of Something-Something
    ShortSideJitter=dict(min_size=356, max_size=446),
    RandomCrop=dict(size=312))
val_pipeline = edit(
    _base_.val_pipeline,
    SampleKeyFrame=clip,
    Resize=dict(scale=(-1, 312)),
    CenterCrop=dict(crop_size=312))
full_pipeline = edit(val_pipeline, CenterCrop=None)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
