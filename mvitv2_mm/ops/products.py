"""Matrix products in float32 by the library that is fast on the processor, and linear layers."""
from functools import lru_cache
from pathlib import Path
from typing import Callable, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import flop_registry, shape_wrapper

from .double_backward import differentiable_grads, leaves_to_autograd
from .memory import autocast_dtype, recompute, recomputes
from .tracing import is_traced

_MIN_PRODUCTS = 2**20  # multiply-accumulates; for fewer, a call costs more than it saves
_CPUINFO = Path('/proc/cpuinfo')


@lru_cache(maxsize=None)
def _has_slow_blas() -> bool:
    """Whether PyTorch's float32 products use half of the processor only.

    They come from MKL, which uses AVX-512 on Intel's processors alone. oneDNN, which PyTorch holds
    too, uses it on all.
    """
    return (torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
            and hasattr(torch.ops.mkldnn, '_linear_pointwise')
            and torch.backends.cpu.get_cpu_capability() == 'AVX512' and _CPUINFO.exists()
            and 'AuthenticAMD' in _CPUINFO.read_text())


def uses_onednn(x: Tensor, num_products: int) -> bool:
    """Whether a product of ``x`` goes to oneDNN; where a graph is recorded, none does."""
    return (not torch.compiler.is_compiling() and not is_traced() and num_products >= _MIN_PRODUCTS
            and x.device.type == 'cpu' and x.dtype == torch.float32 and _has_slow_blas()
            and type(x) in (Tensor, torch.nn.Parameter) and autocast_dtype(x) == torch.float32)


def _num_flops(x_shape: Sequence[int], weight_shape: Sequence[int], *args, **kwargs) -> int:
    return 2 * torch.Size(x_shape).numel() * weight_shape[0]


if hasattr(torch.ops.mkldnn, '_linear_pointwise'):  # PyTorch's counter does not know it
    flop_registry.setdefault(torch.ops.mkldnn._linear_pointwise, shape_wrapper(_num_flops))


def _onednn(x: Tensor, weight: Tensor, bias: Optional[Tensor] = None) -> Tensor:
    """``F.linear`` without gradients."""
    if not (weight.is_contiguous() or weight.t().is_contiguous()):
        weight = weight.contiguous()  # oneDNN has only a plain loop for other strides
    return torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, 'none', [], '')


def _product(a: Tensor, b: Tensor) -> Tensor:
    """``a @ b`` of matrices (n, d) and (d, k) by oneDNN."""
    # oneDNN copies a transposed matrix if it comes first: of long ones the smaller shall.
    if a.stride(0) == 1 and len(a) > b.shape[1] and a.shape[1] > len(a):
        return _onednn(b.t(), a).t()
    return _onednn(a, b.t())


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """``a @ b``.

    Args:
        a (Tensor): Shape (..., n, d); where no gradients are recorded, single large matrices may go
            to another library.
        b (Tensor): Shape (..., d, k).

    Returns:
        Tensor: Shape (..., n, k), the same numbers up to rounding.
    """
    lead, (rows, inner), columns = a.shape[:-2], a.shape[-2:], b.shape[-1]
    if torch.is_grad_enabled() or lead.numel() > 1 or not uses_onednn(a, rows * inner * columns):
        return a @ b
    out = _product(a.reshape(rows, inner), b.reshape(inner, columns))
    return out.view(*lead, rows, columns)


class _Linear(torch.autograd.Function):
    """``F.linear(prepare(x, *params), weight, bias)`` by oneDNN; keeps what it is given."""

    @staticmethod
    def forward(ctx, *args) -> Tensor:
        *tensors, ctx.prepare = args
        weight, bias, *inputs = tensors
        if ctx.prepare is _itself and not weight.requires_grad:  # only the size of x counts then
            x, = inputs
            tensors = weight, bias, x.new_zeros(()).expand_as(x).requires_grad_(x.requires_grad)
        ctx.save_for_backward(*tensors)
        return _onednn(ctx.prepare(*inputs), weight, bias)

    @staticmethod
    def backward(ctx, grad: Tensor):
        if leaves_to_autograd():
            return (*differentiable_grads(_plain_linear, ctx, grad, ctx.prepare), None)
        weight, _, *inputs = ctx.saved_tensors
        needs_weight, needs_bias, *needed = ctx.needs_input_grad[:-1]
        with torch.enable_grad():
            inputs = [t.detach().requires_grad_(n) for t, n in zip(inputs, needed)]
            x = ctx.prepare(*inputs)
        rows = grad.reshape(-1, len(weight))
        dweight, grads = None, iter(())
        if needs_weight:
            dweight = _product(rows.t(), x.detach().reshape(-1, weight.shape[1]))
        if any(needed):
            x.data = x.new_empty(()).expand_as(x)  # frees it: what follows reads its size only
            dx = _onednn(grad, weight.t())
            grads = iter(torch.autograd.grad(x, [t for t in inputs if t.requires_grad], dx))
        dbias = rows.sum(0) if needs_bias else None
        return (dweight, dbias, *(next(grads) if n else None for n in needed), None)


def _plain_linear(weight: Tensor, bias: Tensor, *inputs_and_prepare) -> Tensor:
    *inputs, prepare = inputs_and_prepare
    return F.linear(prepare(*inputs), weight, bias)


def _itself(x: Tensor) -> Tensor:
    return x


def linear(x: Tensor,
           weight: Tensor,
           bias: Optional[Tensor],
           prepare: Callable[..., Tensor] = _itself,
           params: Sequence[Tensor] = (),
           keeps_less: bool = False) -> Tensor:
    """``F.linear(prepare(x, *params), weight, bias)``.

    Args:
        x (Tensor): Shape (..., C).
        weight (Tensor): Shape (C_out, C_in).
        bias (Tensor | None): Shape (C_out).
        prepare (Callable): A cheap step before the product, without random numbers, whose gradients
            do not depend on what it returned. By default ``x`` itself.
        params (Sequence[Tensor]): What it takes beside ``x``. Defaults to ().
        keeps_less (bool): Keep ``x`` for the backward pass and run ``prepare`` again there, instead
            of keeping what it gives. Defaults to False.

    Returns:
        Tensor: Shape (..., C_out).
    """
    if not uses_onednn(x, x.shape[:-1].numel() * weight.numel()):
        return recompute(_plain_linear, weight, bias, x, *params, prepare, enabled=keeps_less)
    if not recomputes(keeps_less):
        x, params, prepare = prepare(x, *params), (), _itself
    bias = weight.new_zeros(len(weight)) if bias is None else bias
    return _Linear.apply(weight, bias, x, *params, prepare)
