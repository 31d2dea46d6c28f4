_base_ = [
    '../../_base_/models/maskfeat_mvitv2.py',
    '../../_base_/datasets/kinetics400_16x4_maskfeat.py',
    '../../_base_/schedules/maskfeat_adamw_300e.py',
    '../../_base_/default_runtime_recognition.py',
]
