_base_ = [
    '../_base_/models/mvitv2_recognizer_sthv2.py',
    '../_base_/datasets/sthv2_u32.py',
    '../_base_/schedules/sthv2_sgd_100e_mvitv2-base.py',
    '../_base_/default_runtime_recognition.py',
]

init = dict(type='Pretrained', checkpoint='mvitv2-base-32x3_k400', prefix='backbone.')
model = dict(backbone=dict(arch='base', input_size=(32, 224, 224), init_cfg=init))
