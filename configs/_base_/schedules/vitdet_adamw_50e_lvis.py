_base_ = './vitdet_adamw_3x.py'

from mvitv2_mm.config_edit import edit

param_scheduler = edit(_base_.param_scheduler, MultiStepLR=dict(milestones=[69444, 75231]))
train_cfg = dict(max_iters=78125, val_interval=30000)
