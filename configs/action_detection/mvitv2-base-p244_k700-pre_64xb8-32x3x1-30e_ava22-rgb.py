_base_ = [
    '../_base_/models/fast-rcnn_mvitv2_ava.py',
    '../_base_/datasets/ava22_32x3.py',
    '../_base_/schedules/ava_sgd_30e.py',
    '../_base_/default_runtime_ava.py',
]

# not published: of the recipe in configs/recognition
checkpoint = 'work_dirs/mvitv2-base-p244_32xb16-32x3x1-200e_kinetics700-rgb/epoch_200.pth'
init = dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.')
model = dict(backbone=dict(arch='base', input_size=(32, 224, 224), init_cfg=init))
