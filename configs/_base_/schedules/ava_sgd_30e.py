# Published are the learning rate for 512 clips per step, the decay, the epochs and the 5 of them
# for warm-up. The rest is unknown; these are the defaults of the official code: Nesterov's momentum
# of 0.9, decay of all parameters, no clipping, warm-up from 0.01, cosine to 0. That cosine begins
# after the warm-up is chosen, as in the official configs for Kinetics; by default it would begin
# with the training, and the warm-up would end on it.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.6, momentum=0.9, nesterov=True, weight_decay=1e-8))
auto_scale_lr = dict(base_batch_size=512)

param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1 / 60,
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min_ratio=0.,
        by_epoch=True,
        begin=5,
        convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=5)
val_cfg = dict()
test_cfg = dict()
