_base_ = [
    '../_base_/models/mvitv2_classifier_in21k.py',
    '../_base_/datasets/imagenet21k_224.py',
    '../_base_/schedules/imagenet21k_adamw_60e.py',
    '../_base_/default_runtime_in21k.py',
]

model = dict(backbone=dict(arch='huge', drop_path_rate=0.8), head=dict(in_channels=1536))
