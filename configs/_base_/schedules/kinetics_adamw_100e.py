_base_ = './kinetics_adamw_200e.py'

# From ImageNet-1K, for 512 clips per step. Not stated in the paper, so as from scratch: the
# length of the warm-up and the ratios of its start and of the end to the peak.
optim_wrapper = dict(optimizer=dict(lr=4.8e-4))
train_cfg = dict(max_epochs=100)
