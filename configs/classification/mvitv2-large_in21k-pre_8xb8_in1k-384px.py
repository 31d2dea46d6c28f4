_base_ = [
    '../_base_/models/mvitv2_classifier_in21k-pre.py',
    '../_base_/datasets/imagenet_384.py',
    '../_base_/schedules/imagenet_adamw_30e.py',
    '../_base_/default_runtime_classification.py',
]

model = dict(
    backbone=dict(
        arch='large',
        input_size=384,
        drop_path_rate=0.5,
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-large_in21k')),
    head=dict(in_channels=1152))
