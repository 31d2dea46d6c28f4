_base_ = './mvitv2-large_8xb8_in1k-384px.py'

# the whole image, squashed to a square
_base_.test_pipeline[1:3] = [
    dict(type='Resize', scale=(384, 384), backend='pillow', interpolation='bicubic')
]
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
