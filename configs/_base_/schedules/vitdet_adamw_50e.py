_base_ = './vitdet_adamw_3x.py'

from mvitv2_mm.config_edit import edit

optim_wrapper = dict(optimizer=dict(lr=8e-5))
param_scheduler = edit(
    _base_.param_scheduler,
    # the official file halves a schedule of 100 epochs, and the warm-up with it
    LinearLR=dict(end=125),
    MultiStepLR=dict(milestones=[81944, 88773]))
train_cfg = dict(max_iters=92187)
