_base_ = './imagenet_adamw_300e.py'

from mvitv2_mm.config_edit import edit

# Published are the epochs, the rate for 256 images and the decay. Unknown, so chosen: the batch,
# drop path as on ImageNet-1K, and of its schedule the share of the warm-up and the ratios of its
# start and of the end to the peak.
optim_wrapper = dict(optimizer=dict(lr=6.75e-5, weight_decay=0.01))
auto_scale_lr = dict(base_batch_size=256)
param_scheduler = edit(
    _base_.param_scheduler, LinearLR=dict(end=21), CosineAnnealingLR=dict(begin=21, end=90))
train_cfg = dict(max_epochs=90)
