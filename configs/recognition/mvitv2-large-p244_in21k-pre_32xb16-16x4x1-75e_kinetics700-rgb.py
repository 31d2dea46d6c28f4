_base_ = [
    '../_base_/models/mvitv2-large_recognizer.py',
    '../_base_/datasets/kinetics700_16x4.py',
    '../_base_/schedules/kinetics_adamw_75e.py',
    '../_base_/default_runtime_recognition.py',
]

init = dict(type='Pretrained', checkpoint='mvitv2-large_in21k', prefix='backbone.')
model = dict(
    data_preprocessor=dict(blending=dict(num_classes=700)),
    backbone=dict(input_size=(16, 224, 224), init_cfg=init),
    cls_head=dict(num_classes=700))
