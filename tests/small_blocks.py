"""A block that is small enough for tests of single paths."""


def block_config(grid, **changes):
    """Of a block with 16 channels, whose keys and values are read from a part of the tokens."""
    ndim = len(grid)
    cfg = dict(
        in_dims=16,
        attn_dims=16,
        out_dims=16,
        num_heads=2,
        drop_path=0.,
        mlp_ratio=4.,
        norm_cfg=dict(type='LN', eps=1e-6),
        grid_size=grid,
        stride_q=(1, ) * ndim,
        stride_kv=(4, ) * ndim,
        pool_kernel=(3, ) * ndim,
        window_size=0,
        rel_pos_embed=True,
        residual_pooling=True,
        qkv_bias=True,
        with_cls_token=ndim == 3)
    return {**cfg, **changes}
