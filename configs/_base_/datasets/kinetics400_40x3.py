_base_ = './kinetics400_16x4.py'

from mvitv2_mm.config_edit import edit

clip = dict(clip_len=40, frame_interval=3)
train_pipeline = edit(_base_.train_pipeline, SampleClips=clip)
val_pipeline = edit(_base_.val_pipeline, SampleClips=clip)
test_pipeline = edit(_base_.test_pipeline, SampleClips=clip)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
