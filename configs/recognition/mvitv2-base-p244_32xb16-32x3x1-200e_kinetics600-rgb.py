_base_ = [
    '../_base_/models/mvitv2-base_recognizer_k600.py',
    '../_base_/datasets/kinetics600_32x3.py',
    '../_base_/schedules/kinetics_adamw_200e.py',
    '../_base_/default_runtime_recognition.py',
]
