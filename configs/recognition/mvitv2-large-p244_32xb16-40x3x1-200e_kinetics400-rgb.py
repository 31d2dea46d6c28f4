_base_ = [
    '../_base_/models/mvitv2-large_recognizer_224.py',
    '../_base_/datasets/kinetics400_40x3.py',
    '../_base_/schedules/kinetics_adamw_200e.py',
    '../_base_/default_runtime_recognition.py',
]

# widens in the MLPs, as the published FLOPs say; mean and std of the other trainings from scratch
model = dict(
    data_preprocessor=dict(mean=[114.75] * 3, std=[57.375] * 3),
    backbone=dict(dim_mul_in_attention=False))
