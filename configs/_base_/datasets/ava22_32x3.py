_base_ = './ava22_16x4.py'

_base_.train_pipeline[1].update(clip_len=32, frame_interval=3)
_base_.val_pipeline[1].update(clip_len=32, frame_interval=3)
_base_.full_pipeline[1].update(clip_len=32, frame_interval=3)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
