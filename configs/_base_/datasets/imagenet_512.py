_base_ = './imagenet_384.py'

from mvitv2_mm.config_edit import edit

train_pipeline = edit(_base_.train_pipeline, RandomResizedCrop=dict(scale=512))
# 512 / 0.875, rounded down as in the official code
test_pipeline = edit(
    _base_.test_pipeline, ResizeEdge=dict(scale=585), CenterCrop=dict(crop_size=512))
full_pipeline = edit(_base_.full_pipeline, Resize=dict(scale=(512, 512)))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
