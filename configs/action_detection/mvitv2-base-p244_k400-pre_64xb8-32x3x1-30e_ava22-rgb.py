_base_ = [
    '../_base_/models/fast-rcnn_mvitv2_ava.py',
    '../_base_/datasets/ava22_32x3.py',
    '../_base_/schedules/ava_sgd_30e.py',
    '../_base_/default_runtime_ava.py',
]

init = dict(type='Pretrained', checkpoint='mvitv2-base-32x3_k400', prefix='backbone.')
model = dict(backbone=dict(arch='base', input_size=(32, 224, 224), init_cfg=init))
