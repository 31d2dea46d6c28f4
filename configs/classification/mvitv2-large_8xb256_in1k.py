_base_ = [
    '../_base_/models/mvitv2_classifier.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/imagenet_adamw_300e.py',
    '../_base_/default_runtime_classification.py',
]

# the released weights widen in the MLPs
model = dict(
    backbone=dict(arch='large', drop_path_rate=0.5, dim_mul_in_attention=False),
    head=dict(in_channels=1152))
optim_wrapper = dict(optimizer=dict(weight_decay=0.1))
