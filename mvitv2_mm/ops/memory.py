"""Keep less for the backward pass, and less in flight."""
from typing import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .path import get_attention_path

_CHUNK_ELEMENTS = 2**20  # 4 MiB in float32: what a chunk computes should stay in a CPU's cache


def recompute(func: Callable, *args):
    """Call a function that ends in a matrix product; keep its inputs only.

    The backward pass runs ``func`` again up to what the last product read. Cheap steps before the
    product, such as a norm or an activation, so cost their own time again, and the product none.
    A compiler plans its own recomputation and, like the path 'reference', gets the plain call.

    Args:
        func (Callable): A function without random numbers.
        *args: Its arguments, the first a tensor.

    Returns:
        The result of ``func``.
    """
    plain = torch.compiler.is_compiling() or get_attention_path(args[0].device) == 'reference'
    if plain or not torch.is_grad_enabled():
        return func(*args)
    return checkpoint(func, *args, use_reentrant=False, preserve_rng_state=False)


def map_tokens(func: Callable[[Tensor], Tensor], x: Tensor, width: int) -> Tensor:
    """Apply a function that treats every token alike.

    A CPU without gradients gets the tokens in chunks: what a chunk computes stays in its cache,
    and no large temporary has to be mapped.

    Args:
        func (Callable): Maps (N, C) to (N, C').
        x (Tensor): Tokens (B, N, C).
        width (int): Largest number of channels inside ``func``.

    Returns:
        Tensor: Shape (B, N, C').
    """
    if torch.is_grad_enabled() or x.device.type != 'cpu' or torch.compiler.is_compiling():
        return func(x)
    chunks = x.flatten(0, 1).split(max(1, _CHUNK_ELEMENTS // width))
    return torch.cat([func(chunk) for chunk in chunks]).unflatten(0, x.shape[:2])
