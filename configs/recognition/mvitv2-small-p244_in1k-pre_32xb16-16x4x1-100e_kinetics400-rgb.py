_base_ = [
    '../_base_/models/mvitv2_recognizer.py',
    '../_base_/datasets/kinetics400_16x4.py',
    '../_base_/schedules/kinetics_adamw_100e.py',
    '../_base_/default_runtime_recognition.py',
]

init = dict(type='Pretrained', checkpoint='mvitv2-small_in1k', prefix='backbone.')
model = dict(backbone=dict(init_cfg=init))
