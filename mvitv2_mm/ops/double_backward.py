"""Gradients of gradients for functions with a backward of their own."""
from typing import Callable, Tuple

import torch
from torch import Tensor


def differentiable_grads(func: Callable, ctx, grad: Tensor, *args) -> Tuple:
    """Gradients of ``func(*saved, *args)`` by autograd, so that they have gradients themselves.

    Args:
        func (Callable): Computes what the ``torch.autograd.Function`` computes.
        ctx: Context of its backward; holds the tensors it was called with.
        grad (Tensor): Gradient to the result.
        *args: What the function takes besides the tensors.

    Returns:
        tuple: One gradient per tensor, None for those that need none and for ``args``.
    """
    # Views, because one tensor may come from another: its own part of the gradient is asked for.
    inputs = [x.view_as(x) for x in ctx.saved_tensors]
    wanted = [x for x, needed in zip(inputs, ctx.needs_input_grad) if needed]
    grads = iter(torch.autograd.grad(func(*inputs, *args), wanted, grad, create_graph=True))
    return tuple(next(grads) if needed else None for needed in ctx.needs_input_grad)
