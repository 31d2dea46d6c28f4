_base_ = './ava22_16x4.py'

from mvitv2_mm.config_edit import edit

clip = dict(clip_len=32, frame_interval=3)
train_pipeline = edit(_base_.train_pipeline, SampleKeyFrame=clip)
val_pipeline = edit(_base_.val_pipeline, SampleKeyFrame=clip)
full_pipeline = edit(_base_.full_pipeline, SampleKeyFrame=clip)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
