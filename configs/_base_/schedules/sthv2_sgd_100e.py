optim_wrapper = dict(
    type='OptimWrapper',
    # This learning rate is for 512 clips per step. The official configs give a rate per node of 8
    # GPUs, which here and in the recipes of base and large is taken at the paper's 8 clips per GPU,
    # so 8 nodes: 8 x 0.0025, which is the paper's 0.02. The 16 clips per node that this config says
    # itself would make it 4 times larger.
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-4),
    # 1-D tensors (biases and norms) are not decayed; position tables and class tokens are
    paramwise_cfg=dict(flat_decay_mult=0.))
auto_scale_lr = dict(base_batch_size=512)

# warm-up from 8e-4, cosine to 8e-6
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.04,
        by_epoch=True,
        begin=0,
        end=3,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min_ratio=4e-4,
        by_epoch=True,
        begin=3,
        convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=2)
val_cfg = dict()
test_cfg = dict()
