_base_ = './sthv2_u16.py'

_base_.train_pipeline[1].clip_len = 40
_base_.train_pipeline[4].update(min_size=356, max_size=446)
_base_.train_pipeline[5].size = 312
_base_.val_pipeline[1].clip_len = 40
_base_.val_pipeline[3].scale = (-1, 312)
_base_.val_pipeline[4].crop_size = 312
_base_.test_pipeline[1].clip_len = 40
_base_.test_pipeline[3].scale = (-1, 312)
_base_.test_pipeline[4].crop_size = 312
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(batch_size=1, dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=_base_.test_pipeline))
