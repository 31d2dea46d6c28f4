_base_ = './mvitv2_recognizer.py'

# for the last norm, which is not in the pre-trained file
norm_init = dict(type='Constant', layer='LayerNorm', val=1., bias=0.02)
model = dict(
    backbone=dict(drop_path_rate=0.1, dim_mul_in_attention=False, out_type='avg_then_norm'),
    cls_head=dict(type='mvitv2_mm.PooledMViTHead', dropout_ratio=0., init_scale=0.001))
