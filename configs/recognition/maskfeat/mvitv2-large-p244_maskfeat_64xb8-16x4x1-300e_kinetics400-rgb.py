_base_ = './mvitv2-small-p244_maskfeat_32xb16-16x4x1-300e_kinetics400-rgb.py'

# The official config says 300 epochs. The released weights are from epoch 800, of which only the
# number is known.
model = dict(
    backbone=dict(
        arch=dict(
            embed_dims=144,
            num_layers=48,
            num_heads=2,
            downscale_indices=(2, 8),
            dim_mul_indices=(2, 8, 44))))
train_dataloader = dict(batch_size=8)
