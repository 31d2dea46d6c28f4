_base_ = './kinetics_adamw_200e.py'

# Fine-tuning of the 40x3 clips, for 128 clips per step. Published are the epochs, this rate and
# this decay. Unknown, so chosen: a warm-up of 5 epochs, the rest of the schedule and the clipping
# as from scratch.
_base_.param_scheduler[0].end = 5
_base_.param_scheduler[1].update(begin=5, end=30)
optim_wrapper = dict(optimizer=dict(lr=1.6e-5, weight_decay=1e-8))
auto_scale_lr = dict(base_batch_size=128)
param_scheduler = _base_.param_scheduler
train_cfg = dict(max_epochs=30, val_interval=3)
