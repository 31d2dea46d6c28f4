_base_ = [
    '../_base_/models/mvitv2-large_recognizer_k700.py',
    '../_base_/datasets/kinetics700_40x3-312px.py',
    '../_base_/schedules/kinetics_adamw_30e.py',
    '../_base_/default_runtime_recognition.py',
]

# the first stage, in this folder
init = 'work_dirs/mvitv2-large-p244_in21k-pre_32xb16-16x4x1-75e_kinetics700-rgb/epoch_75.pth'
model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint=init)))
