"""Whole blocks on the fast paths against the plain formulation: numbers, precision and memory."""
from collections import defaultdict

import pytest
import torch
from op_records import OpRecorder
from small_blocks import block_config

from mvitv2_mm.layers import MultiScaleBlock, compute_path

PATHS = ['sdpa', 'chunked', 'chunks']  # the last: 'chunked' with a few tokens per chunk
# grid of the block's input, overrides of ``make_block``
BLOCKS = [
    pytest.param((12, 12), dict(), id='2d'),
    pytest.param((12, 12), dict(stride_q=(2, 2), out_dims=32), id='2d-widens-in-mlp'),
    pytest.param((12, 12), dict(stride_q=(2, 2), attn_dims=32, out_dims=32), id='2d-widens'),
    pytest.param((11, 13), dict(window_size=4, stride_kv=(2, 2)), id='2d-windows'),
    pytest.param((3, 9, 9), dict(stride_q=(1, 2, 2), attn_dims=32, out_dims=32), id='3d-widens'),
    pytest.param((3, 9, 9), dict(stride_kv=(1, 4, 4), out_dims=32), id='3d-widens-in-mlp'),
]


def make_block(grid, **kwargs):
    """16 channels, keys and values read from a part of the tokens, all parameters at random."""
    block = MultiScaleBlock(**block_config(grid, **kwargs))
    for name, param in block.named_parameters():
        fan_in = param[0].numel() if param.dim() > 1 and 'rel_pos' not in name else 16
        mean = float('norm' in name and name.endswith('weight'))
        torch.nn.init.normal_(param, mean, fan_in**-0.5)
    return block


def step(block, x, grid, weight, path, monkeypatch, autocast=None):
    """Output and gradients of input and parameters, by name, in float64."""
    small = path == 'chunks'
    for module in ('attention', 'memory'):
        # 28 queries or 4 windows of one or more samples, 32 tokens in the MLP
        monkeypatch.setattr(f'mvitv2_mm.ops.{module}.CHUNK_ELEMENTS', 512 if small else 2**20)
    x = x.detach().requires_grad_()
    with compute_path('chunked' if small else path):
        with torch.autocast('cpu', dtype=autocast, enabled=autocast is not None):
            out, _ = block(x, grid)
        grads = torch.autograd.grad((out * weight.to(out.dtype)).sum(), [x, *block.parameters()])
    names = ['out', 'x', *(name for name, _ in block.named_parameters())]
    return {name: value.detach().double() for name, value in zip(names, [out, *grads])}


def make_step(grid, dtype, **kwargs):
    """Block, tokens and weights of the loss, in a dtype."""
    block = make_block(grid, **kwargs).to(dtype)
    x = torch.randn(2, block.num_extra_tokens + torch.Size(grid).numel(), 16).to(dtype)
    with torch.no_grad():
        return block, x, torch.randn_like(block(x, grid)[0])


# Results that every block has, among others
EXPECTED = {
    'out', 'x', 'attn.pool_q.weight', 'attn.pool_k.weight', 'attn.pool_v.weight',
    'attn.norm_q.bias', 'attn.norm_k.weight', 'attn.norm_v.bias', 'attn.rel_pos_h',
    'attn.qkv.weight', 'norm1.weight', 'norm2.bias', 'mlp.fc1.weight', 'mlp.fc2.bias'
}


@pytest.mark.parametrize('path', PATHS)
@pytest.mark.parametrize('grid, kwargs', BLOCKS)
def test_numbers_of_float64(grid, kwargs, path, monkeypatch):
    block, x, weight = make_step(grid, torch.float64, **kwargs)
    wanted = step(block, x, grid, weight, 'reference', monkeypatch)
    got = step(block, x, grid, weight, path, monkeypatch)
    assert EXPECTED <= got.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(got[name], value, rtol=1e-11, atol=1e-11, msg=name)
    # really another path
    assert not all(torch.equal(got[name], value) for name, value in wanted.items())


def group(name):
    """Weight and bias of a norm together: eight numbers are few, and keys take no bias."""
    return name.rsplit('.', 1)[0] if 'norm' in name else name


def squared_errors(grid, dtype, autocast, monkeypatch, num_seeds=12, **kwargs):
    """Squared errors against float64 per path and name, summed over seeds against the noise."""
    total = {path: defaultdict(float) for path in (*PATHS, 'reference')}
    amp = dtype if autocast else None
    for _ in range(num_seeds):
        block, x, weight = make_step(grid, torch.float32 if autocast else dtype, **kwargs)
        got = {path: step(block, x, grid, weight, path, monkeypatch, amp) for path in total}
        truth = step(block.double(), x.double(), grid, weight.double(), 'reference', monkeypatch)
        for path, values in got.items():
            for name, value in values.items():
                total[path][group(name)] += (value - truth[name]).square().sum().item()
    return total


@pytest.mark.parametrize('grid, kwargs', BLOCKS)
@pytest.mark.parametrize('dtype, autocast', [(torch.float32, False), (torch.bfloat16, False),
                                             (torch.bfloat16, True)])
def test_precision_is_no_worse_than_the_plain_path(dtype, autocast, grid, kwargs, monkeypatch):
    total = squared_errors(grid, dtype, autocast, monkeypatch, **kwargs)
    plain = total.pop('reference')
    assert min(plain.values()) > 0
    for path, errors in total.items():
        for name, error in errors.items():
            assert error <= allowed_ratio(dtype)**2 * plain[name], (path, name)


def allowed_ratio(dtype):
    """Of root mean square errors; what is above 1 is the noise of a few hundred numbers."""
    return 1.5 if dtype == torch.float32 else 1.3


REALISTIC = dict(in_dims=96, attn_dims=96, out_dims=96, num_heads=1)


@pytest.mark.parametrize(
    'grid, kwargs, path, share',
    [
        pytest.param((28, 28), dict(), 'auto', 0.6, id='2d'),
        pytest.param((28, 28), dict(), 'sdpa', 0.7, id='2d-sdpa'),
        pytest.param(
            (28, 28), dict(window_size=14, stride_kv=(2, 2)), 'auto', 0.6, id='2d-windows'),
        pytest.param((28, 28),
                     dict(stride_q=(2, 2), attn_dims=192, out_dims=192),
                     'auto',
                     0.55,
                     id='2d-widens'),
        # The MLP has more tokens than fit a chunk, and keeps its inputs only
        pytest.param((8, 28, 28), dict(stride_kv=(1, 4, 4)), 'auto', 0.35, id='3d'),
    ])
def test_less_is_kept_for_backward_and_at_once(grid, kwargs, path, share):
    """After the forward pass: the output and what the graph keeps, parameters excluded."""
    block = make_block(grid, **{**REALISTIC, **kwargs})
    x = torch.randn(2, block.num_extra_tokens + torch.Size(grid).numel(), 96).requires_grad_()
    kept, peak = {}, {}
    for name in (path, 'reference'):
        with compute_path(name), OpRecorder() as ops:
            out, _ = block(x, grid)
            kept[name] = ops.live_bytes()
            torch.autograd.grad(out.sum(), [x, *block.parameters()])
        peak[name] = ops.peak_bytes
    assert kept[path] < share * kept['reference']
    assert peak[path] < peak['reference'] - 0.4 * (kept['reference'] - kept[path])
