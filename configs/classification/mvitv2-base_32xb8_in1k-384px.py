_base_ = [
    '../_base_/models/mvitv2_classifier.py',
    '../_base_/datasets/imagenet_384.py',
    '../_base_/schedules/imagenet_adamw_30e.py',
    '../_base_/default_runtime_classification.py',
]

model = dict(backbone=dict(arch='base', input_size=384, drop_path_rate=0.3))
optim_wrapper = dict(optimizer=dict(lr=4e-5))
auto_scale_lr = dict(base_batch_size=256)
load_from = 'mvitv2-base_in1k'
