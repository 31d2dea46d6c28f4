_base_ = [
    '../_base_/models/mvitv2_recognizer_sthv2.py',
    '../_base_/datasets/sthv2_u16.py',
    '../_base_/schedules/sthv2_sgd_100e.py',
    '../_base_/default_runtime_recognition.py',
]

# the official weights as converted by mmaction2
init = 'https://download.openmmlab.com/mmaction/v1.0/recognition/mvit/converted/mvit-small-p244_16x4x1_kinetics400-rgb_20221021-9ebaaeed.pth'  # noqa: E501
model = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=init, prefix='backbone.')))
