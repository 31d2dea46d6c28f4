_base_ = './sthv2_u16.py'

_base_.train_pipeline[1].clip_len = 32
_base_.val_pipeline[1].clip_len = 32
_base_.test_pipeline[1].clip_len = 32
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
