_base_ = [
    '../_base_/models/mvitv2-large_recognizer.py',
    '../_base_/datasets/kinetics600_32x3-312px.py',
    '../_base_/schedules/kinetics_adamw_30e.py',
    '../_base_/default_runtime_recognition.py',
]

# the first stage, in this folder
init = 'work_dirs/mvitv2-large-p244_in21k-pre_32xb16-16x4x1-75e_kinetics600-rgb/epoch_75.pth'
model = dict(
    data_preprocessor=dict(blending=dict(num_classes=600)),
    backbone=dict(
        input_size=(32, 312, 312),
        init_cfg=dict(type='Pretrained', checkpoint=init, prefix='backbone.')),
    cls_head=dict(num_classes=600))
