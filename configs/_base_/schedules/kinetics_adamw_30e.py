_base_ = './kinetics_adamw_200e.py'

from mvitv2_mm.config_edit import edit

# Fine-tuning of the 40x3 clips, for 128 clips per step. Published are the epochs, this rate and
# this decay. Unknown, so chosen: a warm-up of 5 epochs, the rest of the schedule and the clipping
# as from scratch.
optim_wrapper = dict(optimizer=dict(lr=1.6e-5, weight_decay=1e-8))
auto_scale_lr = dict(base_batch_size=128)
param_scheduler = edit(
    _base_.param_scheduler, LinearLR=dict(end=5), CosineAnnealingLR=dict(begin=5))
train_cfg = dict(max_epochs=30, val_interval=3)
