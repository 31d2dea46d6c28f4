_base_ = './ava22_16x4.py'

_base_.train_pipeline[1].update(clip_len=40, frame_interval=3)
# not published for 312; that of Something-Something
_base_.train_pipeline[4].update(min_size=356, max_size=446)
_base_.train_pipeline[5].size = 312
_base_.val_pipeline[1].update(clip_len=40, frame_interval=3)
_base_.val_pipeline[4].scale = (-1, 312)
_base_.val_pipeline[5].crop_size = 312
_base_.full_pipeline[1].update(clip_len=40, frame_interval=3)
_base_.full_pipeline[4].scale = (-1, 312)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
