_base_ = './imagenet21k_adamw_90e.py'

_base_.param_scheduler[0].end = 14
_base_.param_scheduler[1].update(begin=14, end=60)
optim_wrapper = dict(optimizer=dict(lr=1e-4, weight_decay=0.1))
param_scheduler = _base_.param_scheduler
train_cfg = dict(max_epochs=60)
