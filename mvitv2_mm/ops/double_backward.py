"""Gradients by autograd, for functions with a backward of their own."""
from typing import Callable, Tuple

import torch
from torch import Tensor


def leaves_to_autograd() -> bool:
    """Whether a backward pass is recorded (``create_graph``) or batched (``is_grads_batched``)."""
    if torch.compiler.is_compiling():  # which batches nothing, and cannot ask
        return torch.is_grad_enabled()
    is_batched = torch._C._dispatch_tls_is_dispatch_key_included('VmapMode')
    return torch.is_grad_enabled() or is_batched


def differentiable_grads(func: Callable, ctx, grad: Tensor, *args) -> Tuple:
    """Gradients of ``func(*saved, *args)`` by autograd, which can be recorded and batched.

    Args:
        func (Callable): Computes what the ``torch.autograd.Function`` computes.
        ctx: Context of its backward; holds the tensors it was called with.
        grad (Tensor): Gradient to the result.
        *args: What the function takes besides the tensors.

    Returns:
        tuple: One gradient per tensor, None for those that need none and for ``args``.
    """
    is_recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, because one tensor may come from another: its own part of the gradient is wanted.
        inputs = [x.view_as(x) for x in ctx.saved_tensors]
        result = func(*inputs, *args)
    wanted = [x for x, needed in zip(inputs, ctx.needs_input_grad) if needed]
    grads = iter(torch.autograd.grad(result, wanted, grad, create_graph=is_recorded))
    return tuple(next(grads) if needed else None for needed in ctx.needs_input_grad)
