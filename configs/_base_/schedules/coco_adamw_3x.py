optim_wrapper = dict(
    # float16 on a GPU, bfloat16 on a CPU
    type='mvitv2_mm.AmpOptimWrapper',
    loss_scale='dynamic',
    # this learning rate is for 64 images per step
    optimizer=dict(type='AdamW', lr=1.6e-4, betas=(0.9, 0.999), weight_decay=0.1),
    # norms and position tables are not decayed; biases are
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        custom_keys=dict(pos_embed=dict(decay_mult=0.), rel_pos=dict(decay_mult=0.))))
auto_scale_lr = dict(base_batch_size=64)
custom_hooks = [dict(type='mvitv2_mm.FP16CompressionHook')]

param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=250),
    dict(type='MultiStepLR', by_epoch=False, milestones=[52500, 62500], gamma=0.1),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=67500, val_interval=5000)
val_cfg = dict()
test_cfg = dict()
