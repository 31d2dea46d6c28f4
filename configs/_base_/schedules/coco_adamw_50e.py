_base_ = './coco_adamw_3x.py'

optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=250),
    dict(type='MultiStepLR', by_epoch=False, milestones=[81944, 88773], gamma=0.1),
]
train_cfg = dict(max_iters=92187)
