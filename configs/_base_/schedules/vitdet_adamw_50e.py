_base_ = './vitdet_adamw_3x.py'

optim_wrapper = dict(optimizer=dict(lr=8e-5))
param_scheduler = [
    # the official file halves a schedule of 100 epochs, and the warm-up with it
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=125),
    dict(type='MultiStepLR', by_epoch=False, milestones=[81944, 88773], gamma=0.1),
]
train_cfg = dict(max_iters=92187)
