"""Own pictures, on one GPU: 16 pictures at a time, a step after 64.

Picture files lie in data_root/train/CLASS/ and data_root/val/CLASS/.
"""
_base_ = [
    '../_base_/models/mvitv2_classifier.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/imagenet_adamw_30e.py',
    '../_base_/default_runtime_classification.py',
]
data_root = 'data/my_images'
num_classes = None  # counted in the training data when a run starts

from mvitv2_mm.config_edit import edit

# pictures of phones and cameras are turned upright
train_pipeline = edit(_base_.train_pipeline, LoadImage=dict(color_type='color'))
test_pipeline = edit(_base_.test_pipeline, LoadImage=dict(color_type='color'))
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        _delete_=True,
        type='mvitv2_mm.ImageDataset',
        data_root=data_root,
        data_prefix='train',
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mvitv2_mm.ImageDataset',
        data_root=data_root,
        data_prefix='val',
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1, ))
test_evaluator = val_evaluator

model = dict(
    data_preprocessor=dict(num_classes=num_classes),
    backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-tiny_in1k')),
    head=dict(num_classes=num_classes))
optim_wrapper = dict(accumulative_counts=4)
# of each forward pass, which is all that --auto-scale-lr sees
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(checkpoint=dict(save_best='accuracy/top1', rule='greater'))
