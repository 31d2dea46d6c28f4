_base_ = './vitdet_adamw_3x.py'

from mvitv2_mm.config_edit import edit

optim_wrapper = dict(optimizer=dict(lr=8e-5))
param_scheduler = edit(_base_.param_scheduler, MultiStepLR=dict(milestones=[163889, 177546]))
train_cfg = dict(max_iters=184375)
