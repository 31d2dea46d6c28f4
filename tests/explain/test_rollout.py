"""Rollout and relevance against dense matrices, plain ViT rollout and the network itself."""
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mvitv2_mm import MViTv2
from mvitv2_mm.explain import BlockAttention, attention_of_points, recording, relevance, rollout
from mvitv2_mm.explain.spread import spread_conv, spread_max
from mvitv2_mm.ops import attention_weights, memory

ARCH = dict(embed_dims=16, num_layers=4, num_heads=1, downscale_indices=[1, 3])
LONG = dict(embed_dims=16, num_layers=6, num_heads=1, downscale_indices=[1, 3, 5])
NETWORKS = dict(
    image=(dict(arch=ARCH, input_size=32), (32, 32)),
    class_token=(dict(arch=ARCH, input_size=32, with_cls_token=True), (32, 40)),
    clip=(dict(arch=ARCH, input_size=(8, 32, 32)), (8, 32, 32)),
    in_mlp=(dict(arch=ARCH, input_size=32, dim_mul_in_attention=False), (32, 32)),
    no_residual=(dict(arch=ARCH, input_size=32, residual_pooling=False), (32, 32)),
    windows=(dict(arch=LONG, input_size=128, window_size=16, out_scales=(0, 1, 2, 3)), (120, 88)),
)


def build(**options):
    model = MViTv2(**options).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture(params=NETWORKS)
def recorded(request):
    """The blocks of a network with random weights that has seen a random input."""
    options, size = NETWORKS[request.param]
    model = build(**options)
    with recording(model) as record:
        model(torch.rand(1, 3, *size))
    return record.blocks


@torch.no_grad()
@pytest.mark.parametrize('by_head', [True, False])
def test_attention_computed_again_gives_what_each_block_gives(recorded, by_head, monkeypatch):
    monkeypatch.setattr('mvitv2_mm.ops.attention._by_head', lambda q, k: by_head)
    for record in recorded:
        block = record.block
        wanted, grid = block.attn(block.norm1(record.tokens), record.grid)
        attention = BlockAttention(record)
        assert attention.q_grid == tuple(grid) == record.out_grid
        torch.testing.assert_close(attention.output(), wanted, rtol=0, atol=1e-5)


@torch.no_grad()
def test_rows_sum_to_one_through_all_blocks(recorded):
    for index, record in enumerate(recorded):
        tokens = record.num_extra_tokens + math.prod(record.out_grid)
        shares = rollout(recorded, {index: torch.eye(tokens)})
        assert shares.shape == (tokens, recorded[0].tokens.shape[1])
        assert shares.min() >= 0
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(tokens), rtol=0, atol=1e-5)


@torch.no_grad()
def test_plain_vit_rollout_where_nothing_is_pooled():
    model = build(
        arch=dict(embed_dims=16, num_layers=3, num_heads=2, downscale_indices=[]),
        input_size=32,
        adaptive_kv_stride=1,
        pool_kernel=1,
        residual_pooling=False,
        rel_pos_embed=False,
        with_cls_token=True)
    with recording(model) as record:
        model(torch.rand(1, 3, 32, 32))
    wanted = torch.eye(65)
    for one in record.blocks:
        attn = one.block.attn
        heads = attn.qkv(one.block.norm1(one.tokens)).view(65, 3, 2, 8).permute(1, 2, 0, 3)
        q, k, _ = heads.unbind(0)
        q = attn.norm_q(q * attn.pool_q.weight.flatten())
        k = attn.norm_k(k * attn.pool_k.weight.flatten())
        # the class token is not pooled, which with a kernel of 1 is a product
        unpooled_q, unpooled_k = (norm(x) for norm, x in zip((attn.norm_q, attn.norm_k), heads))
        q[:, 0], k[:, 0] = unpooled_q[:, 0], unpooled_k[:, 0]
        attention = (q @ k.transpose(1, 2) / 8**0.5).softmax(dim=-1).mean(dim=0)
        wanted = (attention + torch.eye(65)) / 2 @ wanted
    found = rollout(record.blocks, {2: torch.eye(65)}, plain=True)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_mirrored_rollout_is_that_of_a_network_with_turned_keys():
    model, image = build(**NETWORKS['image'][0]), torch.rand(1, 3, 32, 32)
    found = []
    for mirrored in (True, False):
        with recording(model) as record:
            model(image)
        found.append(rollout(record.blocks, {0: torch.eye(64)}, mirrored=mirrored, plain=True))
        for parameter in model.blocks[0].attn.norm_k.parameters():
            parameter.neg_()
    torch.testing.assert_close(*found)


def test_a_convolution_is_the_one_that_repeats_the_border():
    kernel, grid, stride = torch.rand(1, 1, 3, 3), (7, 6), (2, 3)
    one_hot = torch.eye(42).view(42, 1, 7, 6)
    padded = F.pad(one_hot, (1, 1, 1, 1), mode='replicate')
    matrix = F.conv2d(padded, kernel / kernel.sum(), None, stride).flatten(1).t()
    rows = torch.rand(2, 1 + len(matrix))
    # random signs: of weights, the absolute values count
    found = spread_conv(rows, kernel * torch.tensor([-1., 1.]).view(2, 1, 1, 1), grid, stride)
    torch.testing.assert_close(found, torch.cat([rows[:, :1], rows[:, 1:] @ matrix], dim=1))


def test_a_max_pooling_gives_to_whom_its_gradient_goes():
    pool, tokens = nn.MaxPool2d(3, 2, 1), torch.rand(1, 1 + 30, 5)
    feat = tokens[:, 1:].transpose(1, 2).unflatten(2, (6, 5)).requires_grad_()
    rows = torch.rand(1, 1 + 9)
    (pool(feat).mean(dim=1).flatten() @ rows[0, 1:]).backward()
    found = spread_max(rows, tokens, pool, (6, 5))
    torch.testing.assert_close(found[0, 1:], feat.grad.sum(dim=1).flatten())
    assert found[0, 0] == rows[0, 0]


def test_relevance_is_attention_times_its_gradient():
    model = build(**NETWORKS['class_token'][0])
    with recording(model) as record:
        model(torch.rand(1, 3, 32, 32))
    one = record.blocks[1]
    attention = BlockAttention(one)
    weights = torch.cat([
        part for _, part in attention_weights(attention.q, attention.k, attention.q_grid,
                                              attention.k_grid, one.block.attn.rel_pos)
    ], 2)
    weights = weights.detach().requires_grad_()
    slopes = torch.randn(1, weights.shape[2], 32)
    out = (weights @ attention.v.detach()).transpose(1, 2).flatten(2)
    (out * slopes).sum().backward()
    rows = torch.rand(2, weights.shape[2])
    wanted = rows @ (weights * weights.grad)[0].mean(dim=0)
    torch.testing.assert_close(attention.pull_relevance(rows, slopes), wanted.detach())


def test_the_score_decides_what_is_relevant():
    model, maps = build(**NETWORKS['image'][0]), []
    image = torch.rand(1, 3, 32, 32)
    for channel in (0, 1):
        with recording(model, gradients=True) as record:
            record.differentiate_heads(model(image)[-1][0, channel].mean())
        attended, kept = relevance(record.blocks, {3: torch.full((1, 4), 0.25)})
        assert (attended >= 0).all() and kept.sum() > 0
        torch.testing.assert_close(attended[2].sum(), attended[:2].sum())
        maps.append(attended[0] / attended[0].sum())
    assert (maps[0] - maps[1]).abs().sum() > 0.1


def test_what_speaks_for_a_score_speaks_against_its_opposite():
    model, found = build(**NETWORKS['image'][0]), []
    image = torch.rand(1, 3, 32, 32)
    for sign in (1, -1):
        with recording(model, gradients=True) as record:
            record.differentiate_heads(sign * model(image)[-1][0, 0].mean())
        added, = record.output_grads.values()
        start = (added * record.outputs[3]).sum(dim=-1)
        found.append(relevance(record.blocks, {3: start}))
    (attended, kept), (opposite, turned) = found
    torch.testing.assert_close(attended, opposite[[1, 0, 2]])
    torch.testing.assert_close(kept, -turned)


@torch.no_grad()
def test_what_prefers_no_time_is_flat_in_time():
    """Of attention and kernels that prefer no direction, borders of the clip get their share."""
    model = build(arch=ARCH, input_size=(16, 32, 32))
    for block in model.blocks:
        for pool in (block.attn.pool_q, block.attn.pool_v):
            pool.weight.copy_((pool.weight + pool.weight.flip(2)) / 2)
        nn.init.zeros_(block.attn.norm_q.weight)
        nn.init.zeros_(block.attn.norm_q.bias)
    with recording(model) as record:
        model(torch.rand(1, 3, 1, 32, 32).expand(-1, -1, 16, -1, -1))
    token = torch.zeros(1, 1 + 8 * 4)
    token[0, 0] = 1
    profile = rollout(record.blocks, {3: token}, plain=True)[0, 1:].view(8, -1).sum(dim=1)
    torch.testing.assert_close(profile / profile.mean(), torch.ones(8), rtol=0, atol=1e-3)


@torch.no_grad()
def test_points_attend_inside_of_their_windows():
    options, _ = NETWORKS['windows']
    model, image = build(**options), torch.rand(1, 3, 128, 128)
    found = list(attention_of_points(model, image, [(0.1, 0.9), (0.6, 0.2)]))
    assert [one.block for one in found] == list(range(6))
    first = found[0].weights  # (2, 1, 8, 8): windows are halves of the picture
    assert first.shape == (2, 1, 8, 8)
    torch.testing.assert_close(first[0, 0, :4, 4:].sum(), torch.tensor(1.))
    torch.testing.assert_close(first[1, 0, 4:, :4].sum(), torch.tensor(1.))
    with pytest.raises(ValueError, match='from 0 to 1'):
        next(attention_of_points(model, image, [(0.1, 1.2)]))


def test_the_whole_matrix_is_never_there(monkeypatch):
    monkeypatch.setattr('mvitv2_mm.ops.attention.CHUNK_ELEMENTS', 2**10)
    assert memory.CHUNK_ELEMENTS > 2**10  # what everybody else uses
    q, k = torch.rand(1, 2, 256, 8), torch.rand(1, 2, 64, 8)
    sizes = [part.numel() for _, part in attention_weights(q, k, (16, 16), (8, 8), None)]
    assert sum(sizes) == 2 * 256 * 64 and max(sizes) <= 2**10


def test_a_model_is_left_as_it_was():
    model = build(**NETWORKS['image'][0])
    model.patch_embed.requires_grad_(False)
    before = {name: p.requires_grad for name, p in model.named_parameters()}
    with pytest.raises(RuntimeError, match='stop'), recording(model, gradients=True):
        assert not any(p.requires_grad for p in model.parameters())
        raise RuntimeError('stop')
    assert {name: p.requires_grad for name, p in model.named_parameters()} == before
    assert all(block.keeps_less for block in model.blocks)
    assert not any(block._forward_pre_hooks for block in model.blocks)
