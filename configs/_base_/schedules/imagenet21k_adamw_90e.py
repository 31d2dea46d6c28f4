_base_ = './imagenet_adamw_300e.py'

# Published are the epochs, the rate for 256 images and the decay. Unknown, so chosen: the batch,
# drop path as on ImageNet-1K, and of its schedule the share of the warm-up and the ratios of its
# start and of the end to the peak.
_base_.param_scheduler[0].end = 21
_base_.param_scheduler[1].update(begin=21, end=90)
optim_wrapper = dict(optimizer=dict(lr=6.75e-5, weight_decay=0.01))
auto_scale_lr = dict(base_batch_size=256)
param_scheduler = _base_.param_scheduler
train_cfg = dict(max_epochs=90)
