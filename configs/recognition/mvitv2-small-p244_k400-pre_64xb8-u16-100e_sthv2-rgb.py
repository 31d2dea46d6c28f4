_base_ = [
    '../_base_/models/mvitv2_recognizer.py',
    '../_base_/datasets/sthv2_u16.py',
    '../_base_/schedules/sthv2_sgd_100e.py',
    '../_base_/default_runtime_recognition.py',
]

# the official Kinetics-400 model
pretrained = 'https://download.openmmlab.com/mmaction/v1.0/recognition/mvit/converted/mvit-small-p244_16x4x1_kinetics400-rgb_20221021-9ebaaeed.pth'  # noqa: E501
model = dict(
    data_preprocessor=dict(blending=dict(num_classes=174)),
    backbone=dict(
        drop_path_rate=0.4,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained, prefix='backbone.')),
    cls_head=dict(num_classes=174))
