"""Attention with decomposed relative positions: fused and plain path against loops."""
import math

import numpy as np
import pytest
import torch
from loops import index_loop, resize_loop

from mvitv2_mm.ops import pooling_attention, reference_pooling_attention

GRIDS = [
    pytest.param((4, 4), (2, 2), id='2d'),
    pytest.param((5, 7), (3, 2), id='2d-odd'),
    pytest.param((2, 3), (3, 5), id='2d-more-keys'),
    pytest.param((2, 4, 4), (2, 2, 2), id='3d'),
    pytest.param((3, 5, 2), (3, 2, 1), id='3d-odd'),
    pytest.param((1, 3, 3), (1, 3, 3), id='3d-one-frame'),
]


def make_inputs(q_grid, k_grid, num_extra, dim=8, heads=2, batch=2, dtype=torch.float64):

    def tokens(grid):
        return torch.randn(batch, heads, num_extra + math.prod(grid), dim, dtype=dtype)

    tables = [torch.randn(2 * max(a, b) - 1, dim, dtype=dtype) for a, b in zip(q_grid, k_grid)]
    return tokens(q_grid), tokens(k_grid), tokens(k_grid), tables


def attention_loop(q, k, v, q_grid, k_grid, tables):
    """One query at a time, in NumPy: logits, bias, softmax, weighted sum."""
    q, k, v = (x.detach().double().numpy() for x in (q, k, v))
    num_extra, dim = q.shape[2] - math.prod(q_grid), q.shape[-1]
    if tables is not None:
        tables = [
            resize_loop(t.detach().double().numpy(), 2 * max(a, b) - 1)
            for t, a, b in zip(tables, q_grid, k_grid)
        ]
        rows = [index_loop(a, b) for a, b in zip(q_grid, k_grid)]
    out = np.zeros_like(q)
    for b, m, n in np.ndindex(*q.shape[:3]):
        logits = k[b, m] @ q[b, m, n] / math.sqrt(dim)
        if tables is not None and n >= num_extra:
            q_pos = np.unravel_index(n - num_extra, q_grid)
            for j in range(math.prod(k_grid)):
                k_pos = np.unravel_index(j, k_grid)
                logits[num_extra + j] += sum(q[b, m, n] @ tables[a][rows[a][q_pos[a]][k_pos[a]]]
                                             for a in range(len(q_grid)))
        weights = np.exp(logits - logits.max())
        out[b, m, n] = weights / weights.sum() @ v[b, m]
    return out


@pytest.mark.parametrize('attention', [pooling_attention, reference_pooling_attention])
@pytest.mark.parametrize('rel_pos', [True, False], ids=['rel-pos', 'plain'])
@pytest.mark.parametrize('num_extra', [0, 1, 2])
@pytest.mark.parametrize('q_grid, k_grid', GRIDS)
def test_against_loop(attention, q_grid, k_grid, num_extra, rel_pos):
    q, k, v, tables = make_inputs(q_grid, k_grid, num_extra)
    out = attention(q, k, v, q_grid, k_grid, tables if rel_pos else None)
    assert out.shape == q.shape
    wanted = attention_loop(q, k, v, q_grid, k_grid, tables if rel_pos else None)
    np.testing.assert_allclose(out.numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize('q_grid, k_grid', [((5, 7), (3, 2)), ((2, 3, 4), (2, 3, 2))])
def test_tables_of_another_length_are_resized(q_grid, k_grid):
    q, k, v, tables = make_inputs(q_grid, k_grid, 1)
    tables = [torch.randn(6, q.shape[-1], dtype=q.dtype) for _ in tables]
    wanted = attention_loop(q, k, v, q_grid, k_grid, tables)
    for attention in (pooling_attention, reference_pooling_attention):
        np.testing.assert_allclose(
            attention(q, k, v, q_grid, k_grid, tables).numpy(), wanted, atol=1e-12)


def test_the_comparison_notices_swapped_axes_and_one_wrong_row():
    q_grid, k_grid = (5, 7), (3, 2)
    q, k, v, tables = make_inputs(q_grid, k_grid, 1)
    wanted = attention_loop(q, k, v, q_grid, k_grid, tables)
    one_row = [tables[0].clone(), tables[1]]
    one_row[0][0] += 1e-3
    for wrong in (tables[::-1], one_row):
        out = pooling_attention(q, k, v, q_grid, k_grid, wrong).numpy()
        assert np.abs(out - wanted).max() > 1e-6


def test_extra_tokens_get_no_position_bias():
    q_grid = k_grid = (3, 3)
    q, k, v, tables = make_inputs(q_grid, k_grid, 1)
    with_bias = pooling_attention(q, k, v, q_grid, k_grid, tables)
    without = pooling_attention(q, k, v, q_grid, k_grid, None)
    torch.testing.assert_close(with_bias[:, :, 0], without[:, :, 0], rtol=0, atol=1e-12)
    assert (with_bias[:, :, 1:] - without[:, :, 1:]).abs().amax(dim=-1).min() > 1e-4


@pytest.mark.parametrize('attention', [pooling_attention, reference_pooling_attention])
@pytest.mark.parametrize('q_grid, k_grid, num_extra', [((2, 3), (2, 1), 1),
                                                       ((1, 2, 2), (1, 2, 1), 0)])
def test_gradcheck(attention, q_grid, k_grid, num_extra):
    """Queries, keys, values and tables, one of which must be resized."""
    q, k, v, tables = make_inputs(q_grid, k_grid, num_extra, dim=3, heads=1, batch=1)
    tables[0] = torch.randn(5, 3, dtype=q.dtype)
    inputs = [x.requires_grad_() for x in (q, k, v, *tables)]
    assert torch.autograd.gradcheck(
        lambda q, k, v, *tables: attention(q, k, v, q_grid, k_grid, tables), inputs)


@pytest.mark.parametrize('q_grid, k_grid, num_extra', [((6, 5), (3, 3), 0),
                                                       ((2, 4, 4), (2, 2, 2), 1)])
def test_fused_gradients_equal_plain_gradients(q_grid, k_grid, num_extra):
    q, k, v, tables = make_inputs(q_grid, k_grid, num_extra, dim=16)
    inputs = [x.requires_grad_() for x in (q, k, v, *tables)]
    weight = torch.randn_like(q)
    fused, plain = (
        torch.autograd.grad((f(q, k, v, q_grid, k_grid, tables) * weight).sum(), inputs)
        for f in (pooling_attention, reference_pooling_attention))
    for a, b in zip(fused, plain):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def half_errors(dtype, device, q_grid=(14, 14), k_grid=(7, 7), num_extra=1):
    """Mean error of both paths under autocast against the same numbers in float64."""
    q, k, v, tables = make_inputs(q_grid, k_grid, num_extra, dim=96, dtype=torch.float32)
    q, k, v, *tables = (x.to(device) for x in (q, k, v, *(0.1 * t for t in tables)))
    truth = reference_pooling_attention(*(x.double() for x in (q, k, v)), q_grid, k_grid,
                                        [t.double() for t in tables])
    with torch.autocast(device, dtype=dtype):
        return [(f(q, k, v, q_grid, k_grid, tables).double() - truth).abs().mean().item()
                for f in (pooling_attention, reference_pooling_attention)]


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_no_worse_than_the_plain_path(dtype):
    fused, plain = half_errors(dtype, 'cpu')
    assert 0 < fused <= 1.1 * plain


@pytest.mark.gpu
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_no_worse_than_the_plain_path_on_gpu(dtype):
    fused, plain = half_errors(dtype, 'cuda', (56, 56), (14, 14))
    assert 0 < fused <= 1.1 * plain


@pytest.mark.gpu
@pytest.mark.parametrize('q_grid, k_grid', [((56, 56), (14, 14)), ((8, 28, 28), (8, 7, 7))])
def test_float32_on_gpu_against_float64(q_grid, k_grid):
    q, k, v, tables = make_inputs(q_grid, k_grid, 1, dim=96)
    truth = reference_pooling_attention(q, k, v, q_grid, k_grid, tables)
    q, k, v, *tables = (x.float().cuda() for x in (q, k, v, *tables))
    out = pooling_attention(q, k, v, q_grid, k_grid, tables).cpu().double()
    torch.testing.assert_close(out, truth, rtol=1e-3, atol=1e-3)
