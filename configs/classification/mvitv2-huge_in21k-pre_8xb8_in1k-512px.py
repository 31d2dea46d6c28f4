_base_ = [
    '../_base_/models/mvitv2_classifier_in21k-pre.py',
    '../_base_/datasets/imagenet_512.py',
    '../_base_/schedules/imagenet_adamw_3e.py',
    '../_base_/default_runtime_classification.py',
]

model = dict(
    backbone=dict(arch='huge', input_size=512, drop_path_rate=0.8),
    head=dict(in_channels=1536),
    train_cfg=dict(augments=dict(mix_prob=1.)))
# the stage before, in this folder; its weights are not released
load_from = 'work_dirs/mvitv2-huge_in21k-pre_8xb8_in1k-384px/epoch_30.pth'
