_base_ = './sthv2_u16.py'

from mvitv2_mm.config_edit import edit

train_pipeline = edit(_base_.train_pipeline, SampleSegments=dict(clip_len=32))
val_pipeline = edit(_base_.val_pipeline, SampleSegments=dict(clip_len=32))
test_pipeline = edit(_base_.test_pipeline, SampleSegments=dict(clip_len=32))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
