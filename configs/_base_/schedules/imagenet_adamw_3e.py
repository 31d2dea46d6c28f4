_base_ = './imagenet_adamw_30e.py'

# From 384 to 512 pixels. Published are the epochs and the decay. Unknown, so chosen: the rate of
# the stage before; no warm-up.
_base_.param_scheduler[1].update(begin=0, end=3)
optim_wrapper = dict(optimizer=dict(weight_decay=1e-8))
param_scheduler = _base_.param_scheduler[1:]
train_cfg = dict(max_epochs=3)
