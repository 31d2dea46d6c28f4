import copy

import pytest
import torch
import torch.nn.functional as F

from mvitv2_mm.layers import MLP, MultiScaleAttention, MultiScaleBlock, PatchEmbed, pool_tokens

LN = dict(type='LN', eps=1e-6)


def make_attention(grid=(8, 8), **kwargs):
    ndim = len(grid)
    cfg = dict(
        in_dims=6,
        out_dims=8,
        num_heads=2,
        grid_size=grid,
        stride_q=(1, ) * ndim,
        stride_kv=(1, ) * ndim,
        pool_kernel=(3, ) * ndim,
        window_size=0,
        rel_pos_embed=True,
        residual_pooling=True,
        qkv_bias=True,
        with_cls_token=False,
        norm_cfg=LN)
    attention = MultiScaleAttention(**{**cfg, **kwargs}).double()
    for param in attention.parameters():
        torch.nn.init.normal_(param, std=0.5)
    return attention


@pytest.mark.parametrize('grid', [(5, 3), (2, 5, 3)])
@pytest.mark.parametrize('num_extra', [0, 2])
def test_pool_tokens_steps_over_extra_tokens(grid, num_extra):
    tokens = torch.randn(2, num_extra + torch.Size(grid).numel(), 4)
    out = pool_tokens(tokens, grid, lambda feat: -feat[:, ::2], num_extra)
    assert torch.equal(out[:, :num_extra], tokens[:, :num_extra])
    wanted = -tokens[:, num_extra:].reshape(2, *grid, 4)[:, ::2]
    assert torch.equal(out[:, num_extra:], wanted.reshape(2, -1, 4))


@pytest.mark.parametrize('size, kernel, stride', [((9, 6), (3, 3), (2, 2)),
                                                  ((4, 6, 5), (1, 3, 3), (2, 2, 2))])
def test_patch_embed_orders_tokens_row_by_row(size, kernel, stride):
    embed = PatchEmbed(3, 4, kernel, stride, [k // 2 for k in kernel])
    x = torch.randn(2, 3, *size)
    tokens, grid = embed(x)
    feat = embed.projection(x)
    assert grid == tuple(feat.shape[2:])
    assert torch.equal(tokens.reshape(2, *grid, 4).movedim(-1, 1), feat)


def test_mlp():
    mlp = MLP(3, 12, 5)
    x = torch.randn(2, 7, 3)
    hidden = x @ mlp.fc1.weight.T + mlp.fc1.bias
    gelu = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))  # exact, not the tanh approximation
    torch.testing.assert_close(mlp(x), gelu @ mlp.fc2.weight.T + mlp.fc2.bias)


@pytest.mark.parametrize('grid, out_grid', [((8, 8), (4, 4)), ((7, 5), (4, 3)), ((1, 1), (1, 1))])
def test_attention_returns_the_pooled_grid(grid, out_grid):
    attention = make_attention(stride_q=(2, 2), stride_kv=(4, 4))
    out, got = attention(torch.randn(2, grid[0] * grid[1], 6).double(), grid)
    assert got == out_grid
    assert out.shape == (2, out_grid[0] * out_grid[1], 8)


def test_bfloat16_gradients_where_the_stride_exceeds_the_grid():
    """torch 2.11's CPU kernel leaves those unwritten whose tap is in the padding."""
    attention = make_attention((2, 2), out_dims=16, stride_kv=(8, 8)).bfloat16()
    attention.pool_v.register_forward_hook(lambda *args: None)  # so that it is called
    exact, x, grads = copy.deepcopy(attention).double(), torch.randn(2, 4, 6).bfloat16(), []
    for module in (exact, attention):
        out, _ = module(x.to(module.pool_v.weight), (2, 2))
        junk = [torch.full((n, ), float('nan')).bfloat16() for n in (72, 144, 216, 432) * 6]
        del junk
        grads += torch.autograd.grad(out.sum(), module.pool_v.weight)
    torch.testing.assert_close(grads[1].double(), grads[0], rtol=.05, atol=.2)


def test_windows_attend_separately():
    """Without pooling kernels, windows that fit equal one call per window."""
    whole = make_attention(window_size=4, pool_kernel=(1, 1), grid=(4, 4))
    alone = make_attention(pool_kernel=(1, 1), grid=(4, 4))
    alone.load_state_dict(whole.state_dict())
    x = torch.randn(2, 8, 12, 6).double()
    out, grid = whole(x.flatten(1, 2), (8, 12))
    out = out.reshape(2, *grid, 8)
    for top in (0, 4):
        for left in (0, 4, 8):
            window = x[:, top:top + 4, left:left + 4].flatten(1, 2)
            wanted = alone(window, (4, 4))[0].reshape(2, 4, 4, 8)
            torch.testing.assert_close(out[:, top:top + 4, left:left + 4], wanted)
    everywhere, _ = alone(x.flatten(1, 2), (8, 12))
    assert (everywhere.reshape_as(out) - out).abs().max() > 1e-2


@pytest.mark.parametrize('name, ndim', [('rel_pos_h', 2), ('rel_pos_w', 2), ('rel_pos_t', 3)])
def test_tables_of_a_checkpoint_are_resized_once_on_load(name, ndim):
    small, large = make_attention((4, ) * ndim), make_attention((6, ) * ndim)
    saved = large.state_dict()
    before = {key: value.clone() for key, value in saved.items()}
    small.load_state_dict(saved)
    wanted = F.interpolate(before[name].T[None], size=7, mode='linear')[0].T
    torch.testing.assert_close(getattr(small, name).data, wanted)
    assert all(torch.equal(saved[key], before[key]) for key in before)


def test_tables_of_another_head_dim_are_refused():
    attention = make_attention((4, 4))
    saved = attention.state_dict()
    saved['rel_pos_h'] = torch.zeros(11, 5)
    with pytest.raises(RuntimeError, match=r'size mismatch for rel_pos_h: .*\[11, 5\]'):
        attention.load_state_dict(saved)


def test_attention_without_positions_has_no_tables():
    attention = make_attention(rel_pos_embed=False)
    assert attention.rel_pos is None
    assert not [name for name, _ in attention.named_parameters() if 'rel_pos' in name]


@pytest.mark.parametrize('attn_dims', [16, 8], ids=['in-attention', 'in-mlp'])
def test_skip_paths_project_normed_tokens(attn_dims):
    """With both branches silenced only the skip path is left."""
    block = MultiScaleBlock(
        8,
        attn_dims,
        16,
        0.,
        2.,
        LN, (2, 2),
        False,
        num_heads=2,
        grid_size=(6, 6),
        stride_kv=(1, 1),
        pool_kernel=(3, 3),
        window_size=0,
        rel_pos_embed=True,
        residual_pooling=True,
        qkv_bias=True)
    for layer in (block.attn.proj, block.mlp.fc2):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    x = torch.randn(2, 30, 8)

    def max_pool(tokens):
        return F.max_pool2d(tokens.transpose(1, 2).unflatten(2, (5, 6)), 3, 2, 1)

    if attn_dims == 16:
        wanted = max_pool(block.proj(block.norm1(x))).flatten(2).transpose(1, 2)
    else:
        wanted = block.proj(block.norm2(max_pool(x).flatten(2).transpose(1, 2)))
    out, grid = block(x, (5, 6))
    assert grid == (3, 3)
    torch.testing.assert_close(out, wanted)


def test_drop_path_drops_whole_samples_of_a_branch_and_rescales():
    block = MultiScaleBlock(
        8,
        8,
        8,
        0.5,
        2.,
        LN, (1, 1),
        False,
        num_heads=1,
        grid_size=(2, 2),
        stride_kv=(1, 1),
        pool_kernel=(3, 3),
        window_size=0,
        rel_pos_embed=False,
        residual_pooling=False,
        qkv_bias=True)
    for layer in (block.attn.proj, block.mlp.fc2):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.ones_(layer.bias)
    x = torch.zeros(64, 4, 8)
    added = block(x, (2, 2))[0].flatten(1)
    assert torch.equal(added, added[:, :1].expand_as(added))
    assert set(added[:, 0].tolist()) == {0., 2., 4.}  # none, one or both branches, doubled
    assert torch.equal(block.eval()(x, (2, 2))[0], 2 * torch.ones_like(x))
