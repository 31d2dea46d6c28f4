"""Without gradients: a part of the samples at once, sums in place, and memory used again."""
import ctypes
import subprocess
import sys

import pytest
import torch
import torch.nn as nn
from op_records import OpRecorder
from small_blocks import block_config

from mvitv2_mm.layers import MultiScaleBlock, compute_path, lean

GRID = (8, 8)
WIDENS = dict(stride_q=(2, 2), attn_dims=32, out_dims=32)
CONV = 'aten::convolution'


@pytest.fixture(autouse=True)
def small_maps(monkeypatch):
    """Two samples of 64 tokens with 32 channels of keys and values."""
    monkeypatch.setattr(lean, '_MAP_BYTES', 2 * 64 * 32 * 4)


def make_block(**options):
    torch.manual_seed(0)
    return MultiScaleBlock(**block_config(GRID, **options)).eval()


def batches(block, x=None, grad=False, dtype=None):
    """Output of a block, and how many samples its poolings of queries took."""
    x = torch.randn(5, 64, 16) if x is None else x
    with torch.set_grad_enabled(grad), OpRecorder() as ops, \
            torch.autocast('cpu', dtype=torch.bfloat16, enabled=dtype is not None):
        out, grid = block(x, GRID)
    assert out.shape[1] == torch.Size(grid).numel()
    heads = block.attn.out_dims  # keys and values are pooled side by side
    return out, [shape[0] for shape in ops.shapes(CONV) if shape[1] == heads]


@pytest.mark.parametrize('options, parts', [({}, [2, 2, 1]), (WIDENS, [1] * 5)], ids=str)
def test_the_same_numbers(options, parts):
    block, x = make_block(**options), torch.randn(5, 64, 16)
    out, taken = batches(block, x)
    assert taken == parts
    with compute_path('reference'):
        wanted, taken = batches(block, x)
    assert set(taken).isdisjoint(parts)
    torch.testing.assert_close(out, wanted, rtol=1e-4, atol=1e-5)


def test_half_as_many_bytes_are_twice_as_many_samples():
    assert batches(make_block(), dtype=torch.bfloat16)[1] == [3, 2]


def test_with_gradients_the_batch_stays_whole():
    assert batches(make_block(), grad=True)[1] == [5]


def watch(block):
    block.attn.norm_q.register_forward_hook(lambda *args: None)


def replace_method(block):
    block.attn.merge_heads = lambda heads: type(block.attn).merge_heads(block.attn, heads)


def look_at_the_batch(block):
    block.norm1 = nn.Sequential(nn.Flatten(0, 1), nn.BatchNorm1d(16), nn.Unflatten(0, (-1, 64)))


@pytest.mark.parametrize('change', [watch, replace_method, look_at_the_batch])
def test_who_could_tell_gets_the_batch(change):
    block = make_block()
    change(block)
    assert {*batches(block)[1]} <= {5, 10}  # a watched norm is called for each head


@pytest.mark.parametrize('training', [False, True])
def test_random_depth(training):
    block = make_block(drop_path=0.5).train(training)
    assert batches(block)[1] == ([5] if training else [2, 2, 1])


def test_hooks_of_the_block_fire_once():
    block, seen = make_block(), []
    block.register_forward_hook(lambda module, args, out: seen.append(len(out[0])))
    assert batches(block)[1] == [2, 2, 1] and seen == [5]


@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
@pytest.mark.parametrize('grid, options', [(GRID, {}), (GRID, WIDENS), (GRID, dict(out_dims=32)),
                                           ((7, 9), dict(window_size=4, stride_kv=(2, 2))),
                                           ((2, 6, 6), dict(drop_path=0.5))])
def test_sums_in_place(grid, options, dtype):
    """The numbers of a call with gradients, and the input as it was."""
    torch.manual_seed(0)
    block = MultiScaleBlock(**block_config(grid, **options)).eval()
    x = torch.randn(2, block.num_extra_tokens + torch.Size(grid).numel(), 16)
    x, block = (x, block) if dtype == torch.bfloat16 else (x.to(dtype), block.to(dtype))
    before = x.clone()
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        wanted = block(x, grid)[0]
        with torch.no_grad(), OpRecorder() as ops:
            out = block(x, grid)[0]
    assert ops.shapes('aten::add_') and torch.equal(x, before)
    rtol = 1e-11 if dtype == torch.float64 else 0.05
    torch.testing.assert_close(out, wanted, rtol=rtol, atol=rtol * wanted.abs().max().item())


@pytest.mark.parametrize('name', ['attn', 'attn.proj', 'norm2', 'mlp', 'mlp.fc1', 'mlp.fc2'])
def test_what_hooks_keep_stays(name):
    """Inputs and outputs that somebody has kept are no place for a sum."""
    kept = [[], []]
    for grad in (True, False):
        block = make_block()
        torch.manual_seed(1)
        x = torch.randn(1, 64, 16)

        def keep(module, args, out, values=kept[grad]):
            values += [args[0], out[0] if isinstance(out, tuple) else out]

        block.get_submodule(name).register_forward_hook(keep)
        with torch.set_grad_enabled(grad):
            block(x, GRID)
    assert len(kept[0]) == 2
    torch.testing.assert_close(kept[0], kept[1], rtol=1e-4, atol=1e-5)


COUNT = '''
import ctypes
import torch
from mvitv2_mm import MViTv2

class Info(ctypes.Structure):
    _fields_ = [(f'field{{i}}', ctypes.c_size_t) for i in range(10)]

def num_mappings():
    glibc = ctypes.CDLL(None)
    glibc.mallinfo2.restype = Info
    return glibc.mallinfo2().field3

if {built}:
    MViTv2(dict(embed_dims=8, num_layers=1, num_heads=1, downscale_indices=[]), 32)
before = num_mappings()
feat = torch.empty(31 * 2**18)
print(num_mappings() - before)
'''


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), 'mallinfo2'), reason='of glibc 2.33')
@pytest.mark.parametrize('built', [False, True])
def test_maps_of_a_process_with_a_network_share_its_memory(built):
    """Others have a mapping of their own, which the system takes back."""
    result = subprocess.run([sys.executable, '-c', COUNT.format(built=built)],
                            capture_output=True,
                            text=True)
    assert result.stdout == f'{int(not built)}\n', result.stderr
