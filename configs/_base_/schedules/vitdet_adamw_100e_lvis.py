_base_ = './vitdet_adamw_3x.py'

from mvitv2_mm.config_edit import edit

optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = edit(_base_.param_scheduler, MultiStepLR=dict(milestones=[138889, 150463]))
train_cfg = dict(max_iters=156250, val_interval=30000)
