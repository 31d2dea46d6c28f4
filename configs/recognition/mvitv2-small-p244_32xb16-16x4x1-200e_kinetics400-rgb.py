_base_ = [
    '../_base_/models/mvitv2_recognizer.py',
    '../_base_/datasets/kinetics400_16x4.py',
    '../_base_/schedules/kinetics_adamw_200e.py',
    '../_base_/default_runtime_recognition.py',
]
