"""Triton pooling against PyTorch's convolution and norm, on the CPU in Triton's interpreter."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mvitv2_mm.ops import depthwise_conv, triton_pool_norm, triton_pooling

HERE = Path(__file__).parent
NAMES = ('output', 'x', 'weight', 'norm_weight', 'norm_bias')


def make_case(grid,
              stride,
              dim,
              heads,
              extra=0,
              kernel=3,
              dtype=torch.float64,
              view='dense',
              norm=True,
              compiled=False):
    """Inputs of one call; ``view`` is how the tokens lie in memory."""
    generator = torch.Generator().manual_seed(0)

    def randn(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    kernel = (kernel, ) * len(grid) if isinstance(kernel, int) else kernel
    channels = dim * heads
    x = randn(2, extra + torch.Size(grid).numel(), channels)
    if view == 'after_cls_token':  # what must not be read is NaN
        x = F.pad(x, (0, 0, 1, 0), value=float('nan'))[:, 1:]
    elif view == 'third_of_qkv':
        x = F.pad(x, (channels, channels), value=float('nan'))[..., channels:2 * channels]
    elif view == 'channels_first':
        x = x.transpose(1, 2).contiguous().transpose(1, 2)
    out_tokens = extra + torch.Size([-(-n // s) for n, s in zip(grid, stride)]).numel()
    # as attention gives it: heads before tokens
    grad_out = randn(2, heads, out_tokens, dim).transpose(1, 2)
    return dict(
        x=x,
        grid=grid,
        weight=randn(dim, 1, *kernel),
        stride=stride,
        num_extra=extra,
        norm_weight=randn(dim) if norm else None,
        norm_bias=randn(dim) if norm else None,
        grad_out=grad_out,
        compiled=compiled)


CASES = {
    'image': make_case((5, 7), (1, 1), dim=6, heads=2),
    'image_stride_2': make_case((5, 6), (2, 2), dim=6, heads=3, extra=1),
    'image_stride_4': make_case((9, 6), (4, 4), dim=6, heads=1, view='after_cls_token'),
    'image_stride_8': make_case((9, 17), (8, 8), dim=6, heads=2, view='third_of_qkv'),
    'image_stride_of_axes': make_case((4, 7), (1, 2), dim=5, heads=2, extra=2),
    'image_kernel_of_axes': make_case((4, 7), (1, 2), dim=4, heads=1, kernel=(1, 5)),
    'stride_beyond_the_map': make_case((1, 3), (8, 8), dim=6, heads=1),
    'clip': make_case((3, 3, 5), (1, 1, 1), dim=6, heads=2, extra=1),
    'clip_stride_2': make_case((3, 5, 4), (1, 2, 2), dim=6, heads=2, extra=1),
    'clip_stride_4': make_case((2, 5, 7), (1, 4, 4), dim=6, heads=1, view='after_cls_token'),
    'clip_stride_8': make_case((3, 9, 10), (1, 8, 8), dim=6, heads=1, extra=1, view='third_of_qkv'),
    'clip_stride_in_time': make_case((5, 4, 3), (2, 1, 1), dim=6, heads=1),
    'many_rows': make_case((3, 11, 13), (1, 1, 1), dim=3, heads=2, extra=1),
    'dim_96': make_case((3, 5), (1, 1), dim=96, heads=2, extra=1),
    'dim_96_clip': make_case((2, 3, 3), (1, 2, 2), dim=96, heads=2, extra=1),
    'no_norm': make_case((2, 3, 5), (1, 2, 2), dim=6, heads=2, extra=1, norm=False),
    'channels_first': make_case((5, 7), (1, 1), dim=6, heads=2, view='channels_first'),
    'compiled': make_case((5, 7), (2, 2), dim=6, heads=2, extra=1, compiled=True),
    'compiled_no_norm': make_case((5, 7), (2, 2), dim=6, heads=2, norm=False, compiled=True),
    'float32': make_case((2, 3, 5), (1, 2, 2), dim=6, heads=2, extra=1, dtype=torch.float32),
    'float16': make_case((2, 3, 5), (1, 2, 2), dim=6, heads=2, extra=1, dtype=torch.float16),
    'bfloat16': make_case((7, 9), (1, 1), dim=48, heads=2, extra=1, dtype=torch.bfloat16),
    'bfloat16_clip': make_case((2, 5, 6), (1, 2, 2), dim=48, heads=2, extra=1,
                               dtype=torch.bfloat16),
}
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def autocast_case():
    """Half-precision tokens, float32 parameters."""
    case = make_case((2, 3, 5), (1, 2, 2), dim=6, heads=2, extra=1)
    low, high = ('x', 'grad_out'), ('weight', 'norm_weight', 'norm_bias')
    return dict(case, **{k: case[k].half() for k in low}, **{k: case[k].float() for k in high})


CASES['float16_tokens_float32_parameters'] = autocast_case()


def run_case(case, pool):
    """[output, gradients of x, weight, norm weight and norm bias] of ``pool``."""
    tensors = [case[name] for name in NAMES[1:]]
    inputs = [t.detach().requires_grad_() if t is not None else None for t in tensors]
    out = pool(inputs[0], case['grid'], inputs[1], case['stride'], case['num_extra'], *inputs[2:])
    grads = torch.autograd.grad(out, [t for t in inputs if t is not None], case['grad_out'])
    return [out.detach(), *grads]


def pool_each_head(x, grid, weight, stride, num_extra, norm_weight, norm_bias):
    """The definition: every head is a map of its own, pooled by one PyTorch convolution."""
    dim = len(weight)
    heads = x.unflatten(2, (-1, dim))
    maps = heads[:, num_extra:].permute(0, 2, 3, 1).flatten(0, 1).unflatten(2, tuple(grid))
    conv = F.conv2d if len(grid) == 2 else F.conv3d
    padding = tuple(k // 2 for k in weight.shape[2:])
    pooled = conv(maps, weight, None, tuple(stride), padding, groups=dim).flatten(2)
    pooled = pooled.unflatten(0, (len(x), -1)).permute(0, 3, 1, 2)
    out = torch.cat([heads[:, :num_extra], pooled], dim=1)
    return out if norm_weight is None else F.layer_norm(out, (dim, ), norm_weight, norm_bias, 1e-6)


def pool_as_the_layer(x, grid, weight, stride, num_extra, norm_weight, norm_bias):
    """The default path, in the dtype of its inputs."""
    dim = len(weight)
    repeated = weight.repeat(x.shape[2] // dim, *[1] * (weight.dim() - 1))
    feat = depthwise_conv(x[:, num_extra:].unflatten(1, tuple(grid)), repeated, stride)
    out = torch.cat([x[:, :num_extra], feat.flatten(1, -2)], dim=1).unflatten(2, (-1, dim))
    return F.layer_norm(out, (dim, ), norm_weight, norm_bias, 1e-6)


def to_double(case):
    return {k: v.double() if isinstance(v, torch.Tensor) else v for k, v in case.items()}


def assert_equals_truth(results, case):
    expected = run_case(to_double(case), pool_each_head)
    dtypes = [case[name].dtype for name in ('x', *NAMES[1:]) if case[name] is not None]
    assert len(results) == len(expected) == len(dtypes)
    for name, result, value, dtype in zip(NAMES, results, expected, dtypes):
        assert result.dtype == dtype, name
        atol = TOLERANCE[case['x'].dtype] * value.abs().max().item()
        torch.testing.assert_close(
            result.double(), value, atol=atol, rtol=0, msg=lambda text: f'{name}: {text}')


@pytest.fixture(scope='module')
def interpreted(tmp_path_factory):
    """Results of all cases, from one process with the interpreter switched on."""
    pytest.importorskip('triton')
    folder = tmp_path_factory.mktemp('triton')
    torch.save(list(CASES.values()), folder / 'in.pt')
    result = subprocess.run(
        [sys.executable, HERE / 'run_in_interpreter.py', folder / 'in.pt', folder / 'out.pt'],
        env=dict(os.environ, TRITON_INTERPRET='1', PYTHONPATH=str(HERE.parents[1])),
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    return dict(zip(CASES, torch.load(folder / 'out.pt')))


@pytest.mark.parametrize('name', CASES)
def test_output_and_gradients(interpreted, name):
    assert_equals_truth(interpreted[name], CASES[name])


def test_the_comparison_finds_a_flipped_kernel(interpreted):
    """Control."""
    case = dict(CASES['image'], weight=CASES['image']['weight'].flip(-1))
    with pytest.raises(AssertionError, match='output'):
        assert_equals_truth(interpreted['image'], case)


@pytest.mark.parametrize('name', ['bfloat16', 'bfloat16_clip'])
def test_bfloat16_is_no_worse_than_the_default_path(interpreted, name):
    truth = run_case(to_double(CASES[name]), pool_each_head)
    default = run_case(CASES[name], pool_as_the_layer)
    for what, value, ours, theirs in zip(NAMES, truth, interpreted[name], default):
        errors = [(result.double() - value).square().mean().sqrt() for result in (ours, theirs)]
        assert errors[0] <= errors[1] * 1.02, what


KERNELS = ('pool_kernel', 'output_gradient_kernel', 'input_gradient_kernel')


@pytest.mark.parametrize('scalars', ['any', 'one'])
@pytest.mark.parametrize('norm', [True, False])
@pytest.mark.parametrize('name', KERNELS)
def test_kernels_compile_for_a_gpu(name, norm, scalars, monkeypatch, tmp_path):
    """The interpreter accepts more than the compiler, which treats sizes of one as constants."""
    triton = pytest.importorskip('triton')
    if 'nvidia' not in triton.backends.backends:
        pytest.skip('this triton compiles for no NVIDIA GPU')
    monkeypatch.setenv('TRITON_CACHE_DIR', str(tmp_path))
    kernel, source = getattr(triton_pooling.kernels, name), triton.compiler.ASTSource
    x, weight = torch.empty(1, 61, 2, 96), torch.empty(96, 1, 3, 3, 3)
    sizes = triton_pooling._shape_args(x, weight, (3, 4, 5), (1, 2, 2), 1)
    sizes.update(NORM=norm, EPS=1e-6)
    types = dict.fromkeys(('x', 'out', 'grad_out', 'grad_conv', 'grad_x'), '*bf16')
    types.update(dict.fromkeys(('taps', 'norm_weight', 'norm_bias', 'grad_params'), '*fp32'))
    constants = {p.name: sizes[p.name] for p in kernel.params if p.is_constexpr}
    if not norm:
        constants.update(dict.fromkeys({'norm_weight', 'norm_bias'} & set(kernel.arg_names)))
    if scalars == 'one':
        constants.update({n: 1 for n in kernel.arg_names if n not in {*constants, *types}})
    signature = {
        n: 'constexpr' if n in constants else types.get(n, 'i32')
        for n in kernel.arg_names
    }
    target = triton.backends.compiler.GPUTarget('cuda', 90, 32)
    assert triton.compile(source(kernel, signature, constants), target).asm['cubin']


def to_gpu(value):
    """Copy with the strides of a view kept."""
    if not isinstance(value, torch.Tensor):
        return value
    memory = torch.as_strided(value, (len(value.untyped_storage()) // value.itemsize, ), (1, ), 0)
    return memory.cuda().as_strided(value.shape, value.stride(), value.storage_offset())


@pytest.mark.gpu
@pytest.mark.parametrize('name', CASES)
def test_output_and_gradients_on_a_gpu(name):
    case = {k: to_gpu(v) for k, v in CASES[name].items()}
    results = run_case(case, triton_pool_norm)
    assert_equals_truth([result.cpu() for result in results], CASES[name])


def call(**changes):
    args = dict(
        x=torch.zeros(1, 12, 8),
        grid=(3, 4),
        weight=torch.zeros(4, 1, 3, 3),
        stride=(1, 1),
        num_extra=0)
    return triton_pool_norm(**{**args, **changes})


def test_cpu_tensors_need_the_interpreter():
    pytest.importorskip('triton')
    with pytest.raises(
            ValueError, match='needs CUDA tensors, but got one on cpu; TRITON_INTERPRET'):
        call()


def test_triton_is_optional(monkeypatch):
    monkeypatch.setattr(triton_pooling, 'kernels', None)
    with pytest.raises(ImportError, match='needs the package triton: pip install triton'):
        call()


@pytest.mark.parametrize('error, text, changes', [
    (TypeError, 'but got torch.int64', dict(x=torch.zeros(1, 12, 8, dtype=torch.int64))),
    (ValueError, r'a multiple of 4 channels\), but got \(1, 12, 6\)',
     dict(x=torch.zeros(1, 12, 6))),
    (ValueError, r'0 \+ tokens of a \(3, 5\) grid', dict(grid=(3, 5))),
    (ValueError, r'2 or 3 axes, but got \(3, 4\), \(2,\) and \(3, 3\)', dict(stride=(2, ))),
    (ValueError, r'odd kernel .* and \(2, 2\)', dict(weight=torch.zeros(4, 1, 2, 2))),
    (ValueError, 'given together or not at all', dict(norm_weight=torch.zeros(4))),
])
def test_arguments_that_do_not_fit(error, text, changes, monkeypatch):
    pytest.importorskip('triton')
    monkeypatch.setattr(triton_pooling, '_is_interpreted', lambda: True)
    with pytest.raises(error, match=text):
        call(**changes)
