_base_ = './sthv2_u16.py'

from mvitv2_mm.config_edit import edit

clip = dict(clip_len=40)
train_pipeline = edit(
    _base_.train_pipeline,
    SampleSegments=clip,
    ShortSideJitter=dict(min_size=356, max_size=446),
    RandomCrop=dict(size=312))
val_pipeline = edit(
    _base_.val_pipeline,
    SampleSegments=clip,
    Resize=dict(scale=(-1, 312)),
    CenterCrop=dict(crop_size=312))
test_pipeline = edit(
    _base_.test_pipeline,
    SampleSegments=clip,
    Resize=dict(scale=(-1, 312)),
    ThreeCrop=dict(crop_size=312))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=1, dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
