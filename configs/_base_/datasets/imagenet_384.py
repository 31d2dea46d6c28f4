_base_ = './imagenet_224.py'

from mvitv2_mm.config_edit import edit

train_pipeline = edit(_base_.train_pipeline, RandomResizedCrop=dict(scale=384))
# 384 / 0.875, rounded down as in the official code
test_pipeline = edit(
    _base_.test_pipeline, ResizeEdge=dict(scale=438), CenterCrop=dict(crop_size=384))
# the whole image, squashed to a square
full_pipeline = edit(
    test_pipeline,
    ResizeEdge=dict(type='Resize', scale=(384, 384), backend='pillow', interpolation='bicubic'),
    CenterCrop=None)
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=64, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
