_base_ = './kinetics_adamw_200e.py'

from mvitv2_mm.config_edit import edit

# From ImageNet-1K, for 512 clips per step. Not stated in the paper, so as from scratch: the
# length of the warm-up and the ratios of its start and of the end to the peak.
optim_wrapper = dict(optimizer=dict(lr=4.8e-4))
param_scheduler = edit(_base_.param_scheduler, CosineAnnealingLR=dict(end=100))
train_cfg = dict(max_epochs=100)
