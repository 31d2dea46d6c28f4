_base_ = '../../_base_/default_runtime.py'

default_hooks = dict(
    logger=dict(interval=10),
    # a run killed while it writes one checkpoint resumes from the other
    checkpoint=dict(max_keep_ckpts=2))
train_cfg = dict(by_epoch=True, val_interval=1)
val_cfg = dict()
test_cfg = dict()
