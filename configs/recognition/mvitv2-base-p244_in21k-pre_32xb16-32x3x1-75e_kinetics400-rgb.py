_base_ = [
    '../_base_/models/mvitv2-base_recognizer.py',
    '../_base_/datasets/kinetics400_32x3.py',
    '../_base_/schedules/kinetics_adamw_75e.py',
    '../_base_/default_runtime_recognition.py',
]

# mean and std: assumed are those of the training from scratch, the paper does not state them
model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-base_in21k')))
