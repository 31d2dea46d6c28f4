optim_wrapper = dict(
    type='OptimWrapper',
    # this learning rate is for 512 clips per step
    optimizer=dict(type='AdamW', lr=1.6e-3, betas=(0.9, 0.999), weight_decay=0.05),
    # 1-D tensors (biases and norms) are not decayed; position tables and class tokens are
    paramwise_cfg=dict(flat_decay_mult=0.),
    clip_grad=dict(max_norm=1.))
# counted in videos, each of which gives 2 clips
auto_scale_lr = dict(base_batch_size=256)

# warm-up from 1.6e-5, cosine to 1.6e-5
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=True,
        begin=0,
        end=30,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min_ratio=0.01,
        by_epoch=True,
        begin=30,
        convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=10)
val_cfg = dict()
test_cfg = dict()
