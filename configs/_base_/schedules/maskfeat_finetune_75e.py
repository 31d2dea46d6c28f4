optim_wrapper = dict(
    type='OptimWrapper',
    # The official config says 6e-4 per node of 8 GPUs and 16 clips: this is for 256 clips per step.
    # How many nodes ran is not known.
    optimizer=dict(type='AdamW', lr=9.6e-3, betas=(0.9, 0.999), weight_decay=0.05),
    # 0.875^49 for the patch embedding and the class token, 0.875^(48 - i) for block i, 1 for the
    # norm and the head. 1-D tensors (biases and norms) are not decayed.
    constructor='LearningRateDecayOptimizerConstructor',
    paramwise_cfg=dict(decay_type='layer_wise', num_layers=48, decay_rate=0.875),
    clip_grad=dict(max_norm=5.))
auto_scale_lr = dict(base_batch_size=256)

# warm-up from 1.6e-7, cosine to 1.6e-4
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1 / 60000,
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min_ratio=1 / 60,
        by_epoch=True,
        begin=5,
        convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=75, val_interval=5)
val_cfg = dict()
test_cfg = dict()
