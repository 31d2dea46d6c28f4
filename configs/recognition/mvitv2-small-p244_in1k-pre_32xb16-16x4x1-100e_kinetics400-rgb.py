_base_ = [
    '../_base_/models/mvitv2_recognizer.py',
    '../_base_/datasets/kinetics400_16x4.py',
    '../_base_/schedules/kinetics_adamw_100e.py',
    '../_base_/default_runtime_recognition.py',
]

# mean and std: assumed are those of the training from scratch, the paper does not state them
model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-small_in1k')))
