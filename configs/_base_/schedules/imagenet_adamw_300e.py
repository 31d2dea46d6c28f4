optim_wrapper = dict(
    type='OptimWrapper',
    # this learning rate is for 2048 images per step
    optimizer=dict(type='AdamW', lr=2e-3, betas=(0.9, 0.999), weight_decay=0.05),
    # 1-D tensors (biases and norms) are not decayed; position tables and class tokens are
    paramwise_cfg=dict(flat_decay_mult=0.),
    clip_grad=dict(max_norm=1.))
auto_scale_lr = dict(base_batch_size=2048)

# warm-up from 8e-8, cosine to 8e-6
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=4e-5,
        by_epoch=True,
        begin=0,
        end=70,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min_ratio=4e-3,
        by_epoch=True,
        begin=70,
        convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=10)
val_cfg = dict()
test_cfg = dict()
