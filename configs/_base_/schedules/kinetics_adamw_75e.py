_base_ = './kinetics_adamw_200e.py'

# From ImageNet-21K, for 512 clips per step. Not stated in the paper, so as from scratch: the
# length of the warm-up and the ratios of its start and of the end to the peak. Stated for small
# and base only; the first stage of the large models takes it too, as nothing is known of theirs.
optim_wrapper = dict(optimizer=dict(lr=1.6e-4))
train_cfg = dict(max_epochs=75)
