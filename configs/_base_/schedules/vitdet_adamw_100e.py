_base_ = './vitdet_adamw_3x.py'

optim_wrapper = dict(optimizer=dict(lr=8e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=250),
    dict(type='MultiStepLR', by_epoch=False, milestones=[163889, 177546], gamma=0.1),
]
train_cfg = dict(max_iters=184375)
