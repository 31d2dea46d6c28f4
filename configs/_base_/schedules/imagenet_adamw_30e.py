_base_ = './imagenet_adamw_300e.py'

from mvitv2_mm.config_edit import edit

# Fine-tuning. Published are the epochs, the rate for 64 images and, for models from ImageNet-21K,
# the decay; from ImageNet-1K to 384 pixels also the batch, 8 images on each of 64 GPUs. Unknown, so
# chosen: the batch from ImageNet-21K, which is that of the rate, and a warm-up of 5 epochs; the
# ratios of its start and of the end to the peak and the clipping as from scratch.
optim_wrapper = dict(optimizer=dict(lr=7e-5))
auto_scale_lr = dict(base_batch_size=64)
param_scheduler = edit(
    _base_.param_scheduler, LinearLR=dict(end=5), CosineAnnealingLR=dict(begin=5))
train_cfg = dict(max_epochs=30, val_interval=1)
