_base_ = './imagenet21k_adamw_90e.py'

from mvitv2_mm.config_edit import edit

optim_wrapper = dict(optimizer=dict(lr=1e-4, weight_decay=0.1))
param_scheduler = edit(
    _base_.param_scheduler, LinearLR=dict(end=14), CosineAnnealingLR=dict(begin=14, end=60))
train_cfg = dict(max_epochs=60)
