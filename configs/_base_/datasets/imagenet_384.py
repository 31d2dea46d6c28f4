_base_ = './imagenet_224.py'

_base_.train_pipeline[1].scale = 384
# 384 / 0.875, rounded down as in the official code
_base_.test_pipeline[1].scale = 438
_base_.test_pipeline[2].crop_size = 384
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(batch_size=64, dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
