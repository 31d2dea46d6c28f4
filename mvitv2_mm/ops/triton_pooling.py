"""Depthwise pooling and norm of all heads in one pass over memory, as Triton kernels.

Off by default: the kernels are tested against the plain path in Triton's interpreter, but have not
been timed on a GPU.
"""
from typing import List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from .ndim import pooled_grid

try:
    import triton

    from . import triton_pooling_kernels as kernels
except ImportError:
    triton = kernels = None

# Values per program and programs of the reduction over all rows. Not tuned: no GPU was at hand.
_BLOCK_SIZE = 2048
_REDUCTION_PROGRAMS = 1024


def _shape_args(x: Tensor, weight: Tensor, grid: Sequence[int], stride: Sequence[int],
                num_extra: int) -> dict:
    """Sizes that all kernels take; an image is a clip of one frame."""
    dim, lift = weight.shape[0], (1, ) * (3 - len(grid))
    block_d = triton.next_power_of_2(dim)
    sizes = zip(('', 'O', 'K', 'S'), (grid, pooled_grid(grid, stride), weight.shape[2:], stride))
    args = {prefix + axis: n for prefix, size in sizes for axis, n in zip('THW', (*lift, *size))}
    return dict(
        args,
        heads=x.shape[2],
        D=dim,
        EXTRA=num_extra,
        ACC=triton.language.float64 if x.dtype == torch.float64 else triton.language.float32,
        BLOCK_ROWS=max(1, _BLOCK_SIZE // block_d),
        BLOCK_D=block_d)


def _with_dense_channels(x: Tensor) -> Tensor:
    return x if x.stride(-1) == 1 else x.contiguous()


def _strides(prefix: str, x: Tensor) -> dict:
    """Strides of (B, N, M, D) heads per batch, token and head."""
    return {f'{prefix}_{axis}': n for axis, n in zip('bnm', x.stride())}


def _to_taps(weight: Tensor) -> Tensor:
    """(D, 1, *kernel) -> (taps, D): the kernels read all channels of a tap."""
    return weight.flatten(1).t().contiguous()


@torch.library.custom_op('mvitv2_mm::pool_norm', mutates_args=())
def _pool_norm(x: Tensor, weight: Tensor, norm_weight: Optional[Tensor],
               norm_bias: Optional[Tensor], grid: List[int], stride: List[int], num_extra: int,
               eps: float) -> Tensor:
    x = _with_dense_channels(x)
    out = _empty_output(x, weight, norm_weight, norm_bias, grid, stride, num_extra, eps)
    args = dict(_shape_args(x, weight, grid, stride, num_extra), **_strides('x', x))
    args.update(NORM=norm_weight is not None, EPS=eps)
    num_rows = out.shape[:3].numel()
    programs = triton.cdiv(num_rows, args['BLOCK_ROWS'])
    with torch.cuda.device_of(x):
        kernels.pool_kernel[(programs, )](x, _to_taps(weight), norm_weight, norm_bias, out,
                                          num_rows, **args)
    return out


@_pool_norm.register_fake
def _empty_output(x, weight, norm_weight, norm_bias, grid, stride, num_extra, eps):
    num_tokens = num_extra + torch.Size(pooled_grid(grid, stride)).numel()
    return x.new_empty(x.shape[0], num_tokens, *x.shape[2:])


@torch.library.custom_op('mvitv2_mm::pool_norm_backward', mutates_args=())
def _pool_norm_backward(grad_out: Tensor, x: Tensor, weight: Tensor, norm_weight: Optional[Tensor],
                        grid: List[int], stride: List[int], num_extra: int,
                        eps: float) -> Tuple[Tensor, Tensor]:
    """Gradient of x, and of taps, norm weight and norm bias in one (taps + 2, D) tensor."""
    x, grad_out = _with_dense_channels(x), _with_dense_channels(grad_out)
    args, taps = _shape_args(x, weight, grid, stride, num_extra), _to_taps(weight)
    # Without a norm, the gradient of the convolution's output is there already.
    grad_conv = grad_out if norm_weight is None else grad_out.new_empty(grad_out.shape)
    num_rows = grad_out.shape[:3].numel()
    programs = min(triton.cdiv(num_rows, args['BLOCK_ROWS']), _REDUCTION_PROGRAMS)
    sum_dtype = torch.promote_types(x.dtype, torch.float32)
    grad_params = x.new_zeros(programs, len(taps) + 2, args['D'], dtype=sum_dtype)
    grad_x = x.new_empty(x.shape)
    with torch.cuda.device_of(x):
        norm_args = dict(args, NORM=norm_weight is not None, EPS=eps)
        kernels.output_gradient_kernel[(programs, )](x, taps, norm_weight, grad_out, grad_conv,
                                                     grad_params, num_rows, **_strides('x', x),
                                                     **_strides('g', grad_out), **norm_args)
        num_rows = x.shape[:3].numel()
        kernels.input_gradient_kernel[(triton.cdiv(num_rows, args['BLOCK_ROWS']), )](
            grad_conv, taps, grad_x, num_rows, **_strides('g', grad_conv), **args)
    return grad_x, grad_params.sum(0)


@_pool_norm_backward.register_fake
def _empty_gradients(grad_out, x, weight, norm_weight, grid, stride, num_extra, eps):
    sum_dtype = torch.promote_types(x.dtype, torch.float32)
    num_taps = weight.shape[2:].numel()
    return x.new_empty(x.shape), x.new_empty(num_taps + 2, len(weight), dtype=sum_dtype)


def _setup_context(ctx, inputs, output):
    x, weight, norm_weight, norm_bias, *ctx.sizes = inputs
    ctx.save_for_backward(x, weight, norm_weight, norm_bias)


def _backward(ctx, grad_out):
    x, weight, norm_weight, norm_bias = ctx.saved_tensors
    grad_x, grad_params = torch.ops.mvitv2_mm.pool_norm_backward(grad_out, x, weight, norm_weight,
                                                                 *ctx.sizes)
    grad_weight = grad_params[:-2].t().reshape(weight.shape).to(weight.dtype)
    norm_grads = (None, None)
    if norm_weight is not None:
        norm_grads = grad_params[-2].to(norm_weight.dtype), grad_params[-1].to(norm_bias.dtype)
    return grad_x, grad_weight, *norm_grads, None, None, None, None


_pool_norm.register_autograd(_backward, setup_context=_setup_context)


def _is_interpreted() -> bool:
    return not isinstance(kernels.pool_kernel, triton.JITFunction)


def _check(x: Tensor, grid: Sequence[int], weight: Tensor, stride: Sequence[int],
           num_extra: int) -> None:
    if kernels is None:
        raise ImportError('the compute path "triton" needs the package triton: pip install triton')
    if not (x.is_cuda or _is_interpreted()):
        raise ValueError(
            f'the compute path "triton" needs CUDA tensors, but got one on {x.device}; '
            'TRITON_INTERPRET=1 in the environment runs it there, slowly, for tests')
    if not x.is_floating_point():
        raise TypeError(f'"x" should hold floating-point numbers, but got {x.dtype}')
    kernel = tuple(weight.shape[2:])
    if not len(grid) == len(stride) == len(kernel) in (2, 3) or any(k % 2 == 0 for k in kernel):
        raise ValueError('grid, stride and odd kernel should have 2 or 3 axes, but got '
                         f'{tuple(grid)}, {tuple(stride)} and {kernel}')
    num_tokens = num_extra + torch.Size(grid).numel()
    if x.dim() != 3 or x.shape[1] != num_tokens or x.shape[2] % len(weight):
        raise ValueError(
            f'"x" should be (B, {num_extra} + tokens of a {tuple(grid)} grid, a multiple '
            f'of {len(weight)} channels), but got {tuple(x.shape)}')


def triton_pool_norm(x: Tensor,
                     grid: Sequence[int],
                     weight: Tensor,
                     stride: Sequence[int],
                     num_extra: int,
                     norm_weight: Optional[Tensor] = None,
                     norm_bias: Optional[Tensor] = None,
                     eps: float = 1e-6) -> Tensor:
    """Pool tokens per head with one shared depthwise kernel, then layer norm over each head.

    The projection is read in its own layout and the heads are written once: no copy into another
    layout, no repeated kernel, no class token cut off and put back. Sums are in float32 (float64
    for float64 tokens); parameters may have another dtype than the tokens, as under autocast. The
    backward pass computes the convolution again instead of keeping it.

    Args:
        x (Tensor): Tokens (B, num_extra + prod(grid), M * D); a view with any stride per batch
            and token is read in place.
        grid (Sequence[int]): Token grid, (H, W) or (T, H, W).
        weight (Tensor): Shape (D, 1, *kernel), odd kernel sizes; 'same' zero padding.
        stride (Sequence[int]): Stride per axis, in tokens.
        num_extra (int): Number of extra tokens in front (class token): normed, not pooled.
        norm_weight (Tensor, optional): Scale (D,) of the layer norm. Defaults to None: no norm.
        norm_bias (Tensor, optional): Shift (D,) of the layer norm, given with ``norm_weight``.
            Defaults to None.
        eps (float): Added to the variance. Defaults to 1e-6.

    Returns:
        Tensor: Heads (B, num_extra + prod(out_grid), M, D) in the dtype of ``x``, ``out_grid`` as
        :func:`pooled_grid` says.

    Raises:
        ImportError: If triton is not installed.
        TypeError: If the tokens are not floating-point numbers.
        ValueError: If the tokens are on the CPU (without Triton's interpreter), the shapes do not
            fit each other or one of norm weight and bias is missing.
    """
    _check(x, grid, weight, stride, num_extra)
    if (norm_weight is None) != (norm_bias is None):
        raise ValueError('"norm_weight" and "norm_bias" should be given together or not at all')
    heads = x.unflatten(2, (-1, len(weight)))
    return torch.ops.mvitv2_mm.pool_norm(heads, weight, norm_weight, norm_bias, list(grid),
                                         list(stride), num_extra, eps)
