_base_ = [
    '../_base_/models/mvitv2-base_recognizer.py',
    '../_base_/datasets/kinetics600_32x3.py',
    '../_base_/schedules/kinetics_adamw_200e.py',
    '../_base_/default_runtime_recognition.py',
]

model = dict(data_preprocessor=dict(blending=dict(num_classes=600)), cls_head=dict(num_classes=600))
