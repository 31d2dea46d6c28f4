"""Products by oneDNN against PyTorch's own, and where they may be used."""
import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from op_records import OpRecorder
from small_blocks import block_config
from torch.utils.flop_counter import FlopCounterMode

from mvitv2_mm.layers import MultiScaleBlock, compute_path
from mvitv2_mm.ops import linear, products
from mvitv2_mm.ops.products import matmul

ONEDNN = 'mkldnn::_linear_pointwise'


@pytest.fixture
def slow_blas(monkeypatch):
    """As on a processor of AMD with AVX-512, and for small matrices too."""
    if not (torch.backends.mkldnn.is_available()
            and hasattr(torch.ops.mkldnn, '_linear_pointwise')):
        pytest.skip('PyTorch holds no oneDNN')
    monkeypatch.setattr(products, '_has_slow_blas', lambda: True)
    monkeypatch.setattr(products, '_MIN_PRODUCTS', 0)


def norm(x, weight, bias):
    return F.layer_norm(x, x.shape[-1:], weight, bias)


def tensors(*shapes):
    torch.manual_seed(0)
    return [torch.randn(shape, requires_grad=True) for shape in shapes]


@pytest.mark.usefixtures('slow_blas')
class TestOneDNN:

    def test_frozen_weights_cost_no_product(self):
        x, weight = tensors((3, 20, 8), (16, 8))
        with OpRecorder() as ops:
            grad, = torch.autograd.grad(linear(x, weight.detach(), None).sum(), x)
        assert len(ops.shapes(ONEDNN)) == 2  # forward and gradient to the input
        torch.testing.assert_close(grad, weight.sum(0).expand_as(x))

    def test_frozen_weights_keep_no_input(self):
        x, weight, bias = tensors((3, 20, 8), (16, 8), (16, ))
        kept, results = [], []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
            out = linear(x, weight.detach(), bias)
        assert sum(x.untyped_storage().nbytes() for x in kept) < x.nbytes
        for result in (out, F.linear(x, weight.detach(), bias)):
            first = torch.autograd.grad(result.exp().sum(), [x, bias], create_graph=True)
            results.append([*first, *torch.autograd.grad(first[0].square().sum(), [x, bias])])
        torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize('keeps_less', [True, False])
    @pytest.mark.parametrize('size', [(3, 20, 8), (3, 700, 8)], ids=str)
    def test_linear(self, size, keeps_less):
        """The result, gradients, and gradients of those, which take the plain way."""
        leaves = tensors(size, (16, 8), (16, ), (8, ), (8, ))
        x, weight, bias, *affine = leaves
        with OpRecorder() as ops:
            out = linear(x, weight, bias, norm, affine, keeps_less)
            grads = torch.autograd.grad(out.square().sum(), leaves, retain_graph=True)
        # forward, gradient to the input and gradient to the weight
        assert len(ops.shapes(ONEDNN)) == 3 and not ops.shapes('aten::mm', 'aten::addmm')
        assert len(ops.shapes('aten::native_layer_norm')) == 3 * (1 + keeps_less)
        plain = F.linear(norm(x, *affine), weight, bias)
        wanted = torch.autograd.grad(plain.square().sum(), leaves, retain_graph=True)
        torch.testing.assert_close([out, *grads], [plain, *wanted], rtol=1e-4, atol=1e-4)
        twice = []
        for result in (out, plain):
            first = torch.autograd.grad(result.exp().sum(), leaves, create_graph=True)
            twice.append(torch.autograd.grad(sum(g.square().sum() for g in first), leaves))
        torch.testing.assert_close(*twice, rtol=1e-3, atol=1e-3 * twice[1][1].abs().max().item())

    def test_linear_without_bias_or_gradients(self):
        x, weight = tensors((2, 5, 8), (16, 8))
        x, frozen = x.detach(), weight.detach()
        torch.testing.assert_close(linear(x, frozen, None), x @ frozen.t())
        grad, = torch.autograd.grad(linear(x, weight, None).sum(), [weight])
        torch.testing.assert_close(grad, x.sum((0, 1)).expand(16, 8))

    @pytest.mark.parametrize('order', ['ab', 'aTb', 'abT', 'strided'])
    def test_matmul(self, order):
        torch.manual_seed(0)
        a, b = torch.randn(1, 1, 20, 300), torch.randn(1, 1, 300, 12)
        if order == 'aTb':
            a = torch.randn(1, 1, 300, 20).transpose(2, 3)
        elif order == 'abT':
            b = torch.randn(1, 1, 12, 300).transpose(2, 3)
        elif order == 'strided':
            a, b = torch.randn(1, 1, 20, 600)[..., ::2], torch.randn(1, 1, 300, 24)[..., :12]
        with torch.no_grad(), OpRecorder() as ops:
            out = matmul(a, b)
        assert ops.shapes(ONEDNN)
        torch.testing.assert_close(out, a @ b, rtol=1e-4, atol=1e-4)
        batch = torch.randn(2, 20, 300), torch.randn(2, 300, 12)
        assert torch.equal(matmul(*batch), batch[0] @ batch[1])

    @pytest.mark.parametrize('chunk', [2**20, 2**12])
    @pytest.mark.parametrize(
        'grid, options', [((12, 12), dict(stride_q=(2, 2), attn_dims=32)),
                          ((11, 13), dict(window_size=4)), ((3, 8, 8), dict(out_dims=32))],
        ids=str)
    def test_blocks(self, grid, options, chunk, monkeypatch):
        for module in ('attention', 'memory'):
            monkeypatch.setattr(f'mvitv2_mm.ops.{module}.CHUNK_ELEMENTS', chunk)
        block = make_block(grid, **options)
        x = torch.randn(2, block.num_extra_tokens + torch.Size(grid).numel(), 16).requires_grad_()
        results = []
        for path in ('auto', 'reference'):
            with compute_path(path), OpRecorder() as ops:
                out, _ = block(x, grid)
                grads = torch.autograd.grad(out.square().sum(), [x, *block.parameters()])
            assert bool(ops.shapes(ONEDNN)) == (path == 'auto')
            results.append([out, *grads])
        for ours, wanted in zip(*results):
            torch.testing.assert_close(
                ours, wanted, rtol=1e-3, atol=1e-5 * wanted.abs().max().item() + 1e-3)

    def test_an_mlp_without_bias_in_chunks(self, monkeypatch):
        monkeypatch.setattr('mvitv2_mm.ops.memory.CHUNK_ELEMENTS', 2**9)
        block, results = make_block((12, 12)), []
        block.mlp.fc1.bias = block.mlp.fc2.bias = None
        x = torch.randn(2, block.num_extra_tokens + 144, 16).requires_grad_()
        for path in ('auto', 'reference'):
            with compute_path(path):
                out = block(x, (12, 12))[0].square().sum()
                results.append(torch.autograd.grad(out, [x, block.mlp.fc1.weight]))
        for ours, wanted in zip(*results):
            torch.testing.assert_close(
                ours, wanted, rtol=1e-3, atol=1e-5 * wanted.abs().max().item())

    def test_gradients_of_gradients(self):
        """Of a block, whose attention takes one head at a time."""
        block, twice = make_block((12, 12)), []
        x = torch.randn(1, block.num_extra_tokens + 144, 16).requires_grad_()
        for path in ('auto', 'reference'):
            with compute_path(path):
                out, _ = block(x, (12, 12))
                first, = torch.autograd.grad(out.square().sum(), x, create_graph=True)
                twice.append(torch.autograd.grad(first.square().sum(), [x, *block.parameters()]))
        for ours, wanted in zip(*twice):
            scale = wanted.abs().max().clamp(min=twice[1][0].abs().max())
            torch.testing.assert_close(ours / scale, wanted / scale, rtol=1e-3, atol=1e-3)

    def test_they_are_counted(self):
        x, weight = tensors((2, 5, 8), (16, 8))
        counts = []
        for func in (linear, F.linear):
            with FlopCounterMode(display=False) as counter:
                func(x, weight, None).sum().backward()
            counts.append(counter.get_total_flops())
        assert counts == [2 * 2 * 10 * 8 * 16 + 2 * 10 * 8 * 16] * 2

    @pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
    def test_other_types_take_the_plain_way(self, dtype):
        x, weight = (t.detach().to(dtype) for t in tensors((2, 5, 8), (16, 8)))
        assert torch.equal(linear(x, weight, None), F.linear(x, weight))
        with torch.autocast('cpu', torch.bfloat16):
            assert linear(x.float(), weight.float(), None).dtype == torch.bfloat16


def make_block(grid, **options):
    if options.get('attn_dims'):
        options.setdefault('out_dims', 32)
    if options.get('window_size'):
        options.setdefault('stride_kv', (2, 2))
    block = MultiScaleBlock(**block_config(grid, **options))
    torch.manual_seed(1)
    for param in block.parameters():
        torch.nn.init.normal_(param, 0.5 if param.dim() == 1 else 0., 0.3)
    return block


@pytest.mark.parametrize('vendor, capability, mkl, slow', [('AuthenticAMD', 'AVX512', True, True),
                                                           ('GenuineIntel', 'AVX512', True, False),
                                                           ('AuthenticAMD', 'AVX2', True, False),
                                                           ('AuthenticAMD', 'AVX512', False, False),
                                                           (None, 'AVX512', True, False)])
def test_which_processors_take_onednn(vendor, capability, mkl, slow, monkeypatch, tmp_path):
    cpuinfo = Path(tmp_path / 'cpuinfo')
    if vendor:
        cpuinfo.write_text(f'processor\t: 0\nvendor_id\t: {vendor}\n')
    monkeypatch.setattr(products, '_CPUINFO', cpuinfo)
    monkeypatch.setattr('torch.backends.mkl.is_available', lambda: mkl)
    monkeypatch.setattr('torch.backends.mkldnn.is_available', lambda: True)
    monkeypatch.setattr('torch.backends.cpu.get_cpu_capability', lambda: capability)
    products._has_slow_blas.cache_clear()
    assert products._has_slow_blas() == slow
    products._has_slow_blas.cache_clear()


def test_compiling_asks_no_cached_function():
    """Dynamo would warn the user of one, and trace into it."""
    x, weight = tensors((64, 512), (512, 512))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        out = torch.compile(linear, backend='eager')(x, weight, None)
    torch.testing.assert_close(out, F.linear(x, weight), rtol=1e-4, atol=1e-4)
