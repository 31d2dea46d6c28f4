optim_wrapper = dict(
    type='OptimWrapper',
    # The official config says 1e-4 per node of 8 GPUs and 32 clips: this is for 512 clips per step.
    # How many nodes ran is not known.
    optimizer=dict(type='AdamW', lr=1.6e-3, betas=(0.9, 0.999), weight_decay=0.05),
    # 1-D tensors (biases and norms) are not decayed; position tables and tokens are
    paramwise_cfg=dict(flat_decay_mult=0.),
    clip_grad=dict(max_norm=0.02))
auto_scale_lr = dict(base_batch_size=512)

# warm-up from 1.6e-5, cosine to 1.6e-5
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min_ratio=0.01,
        by_epoch=True,
        begin=10,
        convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=300)
