_base_ = [
    '../_base_/models/mvitv2_recognizer.py',
    '../_base_/datasets/kinetics400_16x4.py',
    '../_base_/schedules/kinetics_adamw_75e.py',
    '../_base_/default_runtime_recognition.py',
]

# not published: of the recipe in configs/classification
model = dict(
    backbone=dict(
        init_cfg=dict(
            _base_.pretrained, checkpoint='work_dirs/mvitv2-small_8xb32_in21k/epoch_90.pth')))
