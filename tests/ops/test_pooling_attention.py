"""Attention with decomposed relative positions: fast and plain paths against loops."""
import math
from functools import partial

import numpy as np
import pytest
import torch
from loops import index_loop, resize_loop
from op_records import OpRecorder

from mvitv2_mm.ops import pooling_attention, reference_pooling_attention

GRIDS = [
    pytest.param((4, 4), (2, 2), id='2d'),
    pytest.param((5, 7), (3, 2), id='2d-odd'),
    pytest.param((2, 3), (3, 5), id='2d-more-keys'),
    pytest.param((2, 4, 4), (2, 2, 2), id='3d'),
    pytest.param((3, 5, 2), (3, 2, 1), id='3d-odd'),
    pytest.param((1, 3, 3), (1, 3, 3), id='3d-one-frame'),
]

# Logits per chunk: the default holds all of a small case, the others some queries or some samples
CHUNKS = {'sdpa': 2**20, 'chunked': 2**20, 'chunks-of-queries': 30, 'chunks-of-samples': 250}


@pytest.fixture(params=CHUNKS)
def fast_path(request, monkeypatch):
    """``pooling_attention`` with one of its fast kernels."""
    set_chunk(monkeypatch, CHUNKS[request.param])
    return partial(pooling_attention, kernel='sdpa' if request.param == 'sdpa' else 'chunked')


def set_chunk(monkeypatch, num_logits):
    monkeypatch.setattr('mvitv2_mm.ops.attention.CHUNK_ELEMENTS', num_logits)


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


@pytest.mark.parametrize('rel_pos', [True, False], ids=['rel-pos', 'plain'])
@pytest.mark.parametrize('num_extra', [0, 1, 2])
@pytest.mark.parametrize('q_grid, k_grid', GRIDS)
def test_against_loop(fast_path, q_grid, k_grid, num_extra, rel_pos):
    q, k, v, tables = make_inputs(q_grid, k_grid, num_extra)
    wanted = attention_loop(q, k, v, q_grid, k_grid, tables if rel_pos else None)
    for attention in (fast_path, reference_pooling_attention):
        out = attention(q, k, v, q_grid, k_grid, tables if rel_pos else None)
        assert out.shape == q.shape
        np.testing.assert_allclose(out.numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize('q_grid, k_grid', [((5, 7), (3, 2)), ((2, 3, 4), (2, 3, 2))])
def test_tables_of_another_length_are_resized(fast_path, q_grid, k_grid):
    q, k, v, tables = make_inputs(q_grid, k_grid, 1)
    tables = [torch.randn(6, q.shape[-1], dtype=q.dtype) for _ in tables]
    wanted = attention_loop(q, k, v, q_grid, k_grid, tables)
    for attention in (fast_path, reference_pooling_attention):
        np.testing.assert_allclose(
            attention(q, k, v, q_grid, k_grid, tables).numpy(), wanted, atol=1e-12)


def test_the_comparison_notices_swapped_axes_and_one_wrong_row(fast_path):
    q_grid, k_grid = (5, 7), (3, 2)
    q, k, v, tables = make_inputs(q_grid, k_grid, 1)
    wanted = attention_loop(q, k, v, q_grid, k_grid, tables)
    one_row = [tables[0].clone(), tables[1]]
    one_row[0][0] += 1e-3
    for wrong in (tables[::-1], one_row):
        out = fast_path(q, k, v, q_grid, k_grid, wrong).numpy()
        assert np.abs(out - wanted).max() > 1e-6


def test_extra_tokens_get_no_position_bias(fast_path):
    q_grid = k_grid = (3, 3)
    q, k, v, tables = make_inputs(q_grid, k_grid, 1)
    with_bias = fast_path(q, k, v, q_grid, k_grid, tables)
    without = fast_path(q, k, v, q_grid, k_grid, None)
    torch.testing.assert_close(with_bias[:, :, 0], without[:, :, 0], rtol=0, atol=1e-12)
    assert (with_bias[:, :, 1:] - without[:, :, 1:]).abs().amax(dim=-1).min() > 1e-4


@pytest.mark.parametrize('q_grid, k_grid, num_extra', [((2, 3), (2, 1), 1),
                                                       ((1, 2, 2), (1, 2, 1), 0)])
@pytest.mark.parametrize('path, chunk', [('sdpa', 1), ('chunked', 2**20), ('chunked', 4),
                                         ('reference', 1)])
def test_gradcheck(path, chunk, q_grid, k_grid, num_extra, monkeypatch):
    """Queries, keys, values and tables, one of which must be resized."""
    q, k, v, tables = make_inputs(q_grid, k_grid, num_extra, dim=3, heads=1, batch=1)
    tables[0] = torch.randn(5, 3, dtype=q.dtype)
    inputs = [x.requires_grad_() for x in (q, k, v, *tables)]
    set_chunk(monkeypatch, chunk)
    assert torch.autograd.gradcheck(
        lambda q, k, v, *tables: pooling_attention(q, k, v, q_grid, k_grid, tables, path), inputs)


def results(attention, q, k, v, q_grid, k_grid, tables, weight):
    """Output and gradients to queries, keys, values and tables, of any dtype, in float64."""
    inputs = [x.detach().requires_grad_() for x in (q, k, v, *(tables or ()))]
    out = attention(*inputs[:3], q_grid, k_grid, inputs[3:] or None)
    grads = torch.autograd.grad((out * weight.to(out.dtype)).sum(), inputs)
    return [x.detach().double().cpu() for x in (out, *grads)]


WINDOWS = dict(batch=18, heads=1)  # two maps of nine windows
CASES = [
    pytest.param((6, 5), (3, 3), 0, {}, id='2d'),
    pytest.param((4, 4), (2, 2), 0, WINDOWS, id='windows'),
    pytest.param((3, 3), (3, 3), 0, WINDOWS, id='odd-windows'),
    pytest.param((2, 4, 4), (2, 2, 2), 1, {}, id='3d-class-token'),
]


@pytest.mark.parametrize('rel_pos', [True, False], ids=['rel-pos', 'plain'])
@pytest.mark.parametrize('q_grid, k_grid, num_extra, sizes', CASES)
def test_gradients_equal_plain_gradients(fast_path, q_grid, k_grid, num_extra, sizes, rel_pos):
    q, k, v, tables = make_inputs(q_grid, k_grid, num_extra, **{'dim': 16, **sizes})
    args = q, k, v, q_grid, k_grid, tables if rel_pos else None, torch.randn_like(q)
    fast, plain = (results(f, *args) for f in (fast_path, reference_pooling_attention))
    for a, b in zip(fast, plain):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize('chunk, wanted', [
    (2**20, [(5, 2, 13, 7)]),
    (2 * 2 * 13 * 7, [(2, 2, 13, 7)] * 2 + [(1, 2, 13, 7)]),
    (5 * 2 * 7 + 1, [(1, 2, 5, 7), (1, 2, 5, 7), (1, 2, 3, 7)] * 5),
    (1, [(1, 2, 1, 7)] * 65),
])
def test_chunks_hold_whole_samples_or_some_queries_of_one(chunk, wanted, monkeypatch):
    """Five samples, two heads, 13 queries, 7 keys; the last chunks are smaller."""
    q, k, v, tables = make_inputs((4, 3), (2, 3), 1, batch=5)
    set_chunk(monkeypatch, chunk)
    with OpRecorder() as ops:
        out = pooling_attention(q, k, v, (4, 3), (2, 3), tables, 'chunked')
    assert ops.shapes('aten::_softmax') == wanted
    plain = reference_pooling_attention(q, k, v, (4, 3), (2, 3), tables)
    torch.testing.assert_close(out, plain, rtol=1e-12, atol=1e-12)


def test_a_chunk_takes_two_products_and_five_in_backward(monkeypatch):
    """One more than the gradients need, the logits again. No weights are kept."""
    q, k, v, _ = make_inputs((4, 3), (2, 3), 1, batch=5)
    inputs = [x.requires_grad_() for x in (q, k, v)]
    set_chunk(monkeypatch, 5 * 2 * 7)
    with OpRecorder() as forward:
        out = pooling_attention(*inputs, (4, 3), (2, 3), None, 'chunked')
        assert forward.live_bytes() == out.nbytes
    with OpRecorder() as backward:
        torch.autograd.grad(out, inputs, torch.ones_like(out))
    chunks = 3 * 5
    assert len(forward.shapes('aten::bmm')) == 2 * chunks
    assert len(backward.shapes('aten::bmm')) == 5 * chunks
    assert len(backward.shapes('aten::_softmax')) == chunks


@pytest.mark.parametrize('keeps_less', [True, False])
def test_position_bias_is_computed_again_or_kept(keeps_less):
    q, k, v, tables = make_inputs((4, 3), (2, 3), 1)
    q.requires_grad_()
    with OpRecorder() as ops:
        out = pooling_attention(q, k, v, (4, 3), (2, 3), tables, 'chunked', keeps_less)
        torch.autograd.grad(out.sum(), q)
    assert len(ops.shapes('aten::index')) == len(tables) * (1 + keeps_less)


@pytest.mark.parametrize('q_grid, k_grid', [((5, 7), (3, 2)), ((2, 3, 4), (2, 3, 2))])
def test_the_fused_kernel_gets_head_dims_of_a_multiple_of_8(q_grid, k_grid):
    """Without it, a GPU takes the kernel that writes the whole matrix."""
    q, k, v, tables = make_inputs(q_grid, k_grid, 1, dtype=torch.float32)
    with OpRecorder() as ops:
        pooling_attention(q, k, v, q_grid, k_grid, tables, 'sdpa')
    result, _ = ops.shapes('aten::_scaled_dot_product_flash_attention_for_cpu')
    assert result == (*q.shape[:3], 16)


def test_the_compiler_gets_the_fused_kernel(monkeypatch):
    """As one call: chunks would be a loop as long as the batch."""
    q, k, v, tables = make_inputs((4, 3), (2, 3), 1)
    set_chunk(monkeypatch, 4)
    targets = []

    def backend(graph, inputs):
        targets.extend(str(node.target) for node in graph.graph.nodes)
        return graph.forward

    def attention(q, k, v, tables):
        return pooling_attention(q, k, v, (4, 3), (2, 3), tables)

    torch._dynamo.reset()
    out = torch.compile(attention, backend=backend, fullgraph=True)(q, k, v, tables)
    torch.testing.assert_close(out, attention(q, k, v, tables))
    assert sum('scaled_dot_product' in target for target in targets) == 1
    assert not any('softmax' in target for target in targets)


@pytest.mark.parametrize('chunk', [2**20, 4])
def test_gradients_of_gradients(chunk, monkeypatch):
    set_chunk(monkeypatch, chunk)
    q, k, v, tables = make_inputs((2, 3), (2, 1), 1, dim=3, heads=1, batch=1)
    inputs = [x.requires_grad_() for x in (q, k, v, *tables)]

    def attention(q, k, v, *tables):
        return pooling_attention(q, k, v, (2, 3), (2, 1), tables, 'chunked')

    assert torch.autograd.gradgradcheck(attention, inputs)
    out = attention(*inputs).square().sum()
    first = torch.autograd.grad(out, inputs, create_graph=True)
    for got, wanted in zip(first, torch.autograd.grad(out, inputs)):
        torch.testing.assert_close(got, wanted)


def memory_of_a_step(path, side, dim=16):
    """Elements of the largest tensor and most bytes at once, queries (side, side)."""
    q_grid, k_grid = (side, side), (side // 4, side // 4)
    q, k, v, tables = make_inputs(q_grid, k_grid, 1, dim, batch=1, heads=2, dtype=torch.float32)
    inputs = [x.requires_grad_() for x in (q, k, v, *tables)]
    with OpRecorder() as ops:
        out = pooling_attention(q, k, v, q_grid, k_grid, tables, path)
        torch.autograd.grad(out, inputs, torch.ones_like(out))
    return ops.largest, ops.peak_bytes


@pytest.mark.parametrize('path', ['sdpa', 'chunked', 'reference'])
def test_memory_is_linear_in_query_tokens(path, monkeypatch):
    """Keys grow with the queries, so the attention matrix grows with their square."""
    set_chunk(monkeypatch, 2**14)
    sides = (16, 32, 64)
    (_, small), _, (largest, large) = (memory_of_a_step(path, side) for side in sides)
    queries, keys = 64**2 + 1, 16**2 + 1
    if path == 'reference':  # what the measure has to notice
        assert largest >= 2 * queries * keys
        assert large > 100 * small
    else:
        # Query, bias terms (one per row and column of keys) and padding
        assert largest <= 2 * queries * (16 + 2 * 16 + 8)
        assert large < 40 * small


def errors(path, dtype, device, autocast, q_grid=(14, 14), k_grid=(7, 7), num_extra=1):
    """Mean errors of output and gradients against float64, of fast and plain path."""
    q, k, v, tables = make_inputs(q_grid, k_grid, num_extra, dim=96, dtype=torch.float32)
    inputs = [x.to(device, torch.float32 if autocast else dtype) for x in (q, k, v)]
    tables = [(0.1 * t).to(inputs[0]) for t in tables]
    weight = torch.randn_like(inputs[0])
    truth = results(reference_pooling_attention, *(x.double() for x in inputs), q_grid, k_grid,
                    [t.double() for t in tables], weight)
    with torch.autocast(device, dtype=dtype, enabled=autocast):
        return [[
            (x - y).abs().mean().item()
            for x, y in zip(results(attention, *inputs, q_grid, k_grid, tables, weight), truth)
        ] for attention in (partial(pooling_attention, kernel=path), reference_pooling_attention)]


def assert_no_worse(fast, plain, slack=1.1):
    assert all(0 < f <= slack * p for f, p in zip(fast, plain)), (fast, plain)


@pytest.mark.parametrize('dtype, autocast', [(torch.bfloat16, True), (torch.float16, True),
                                             (torch.bfloat16, False), (torch.float32, False)])
@pytest.mark.parametrize('path, chunk', [('sdpa', 1), ('chunked', 2**20), ('chunked', 2**13)])
def test_precision_is_no_worse_than_the_plain_path(path, chunk, dtype, autocast, monkeypatch):
    set_chunk(monkeypatch, chunk)
    # In float32 both are rounding errors; a fused kernel sums in another order.
    slack = 1.5 if dtype == torch.float32 else 1.1
    assert_no_worse(*errors(path, dtype, 'cpu', autocast), slack)


@pytest.mark.gpu
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('path', ['sdpa', 'chunked'])
def test_half_precision_is_no_worse_than_the_plain_path_on_gpu(path, dtype):
    assert_no_worse(*errors(path, dtype, 'cuda', True, (56, 56), (14, 14)))


@pytest.mark.gpu
@pytest.mark.parametrize('q_grid, k_grid', [((56, 56), (14, 14)), ((8, 28, 28), (8, 7, 7))])
def test_float32_on_gpu_against_float64(q_grid, k_grid):
    q, k, v, tables = make_inputs(q_grid, k_grid, 1, dim=96)
    truth = reference_pooling_attention(q, k, v, q_grid, k_grid, tables)
    q, k, v, *tables = (x.float().cuda() for x in (q, k, v, *tables))
    out = pooling_attention(q, k, v, q_grid, k_grid, tables).cpu().double()
    torch.testing.assert_close(out, truth, rtol=1e-3, atol=1e-3)
