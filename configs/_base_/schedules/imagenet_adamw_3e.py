_base_ = './imagenet_adamw_30e.py'

from mvitv2_mm.config_edit import edit

# From 384 to 512 pixels. Published are the epochs and the decay. Unknown, so chosen: the rate of
# the stage before; no warm-up.
optim_wrapper = dict(optimizer=dict(weight_decay=1e-8))
param_scheduler = edit(_base_.param_scheduler, LinearLR=None, CosineAnnealingLR=dict(begin=0))
train_cfg = dict(max_epochs=3)
