_base_ = [
    '../_base_/models/mvitv2_classifier.py',
    '../_base_/datasets/imagenet_384.py',
    '../_base_/schedules/imagenet_adamw_30e.py',
    '../_base_/default_runtime_classification.py',
]

model = dict(backbone=dict(arch='base', input_size=384, drop_path_rate=0.3))
# 4e-5 for 256 images; 8 images on each of 64 GPUs, as the paper says
optim_wrapper = dict(optimizer=dict(lr=8e-5))
auto_scale_lr = dict(base_batch_size=512)
load_from = 'mvitv2-base_in1k'
