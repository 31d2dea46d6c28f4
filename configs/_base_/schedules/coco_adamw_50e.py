_base_ = './coco_adamw_3x.py'

from mvitv2_mm.config_edit import edit

optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = edit(_base_.param_scheduler, MultiStepLR=dict(milestones=[81944, 88773]))
train_cfg = dict(max_iters=92187)
