_base_ = './vitdet_adamw_3x.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=250),
    dict(type='MultiStepLR', by_epoch=False, milestones=[69444, 75231], gamma=0.1),
]
train_cfg = dict(max_iters=78125, val_interval=30000)
