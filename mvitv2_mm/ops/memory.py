"""Keep less for the backward pass, and less in flight."""
from typing import Callable, Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .path import get_attention_path

CHUNK_ELEMENTS = 2**20  # 4 MiB in float32: what a chunk computes should stay in a CPU's cache


def _is_plain(device: torch.device) -> bool:
    """Whether a compiler plans memory, or the plain formulation is asked for."""
    return torch.compiler.is_compiling() or get_attention_path(device) == 'reference'


def recompute(func: Callable, *args, enabled: bool = True):
    """Call a function that ends in a matrix product; keep its inputs only.

    The backward pass runs ``func`` again up to what the last product read. Cheap steps before the
    product, such as a norm or an activation, so cost their own time again, and the product none.
    A compiler plans its own recomputation and, like the path 'reference', gets the plain call.

    Args:
        func (Callable): A function without random numbers.
        *args: Its arguments, the first a tensor.
        enabled (bool): False is the plain call. Defaults to True.

    Returns:
        The result of ``func``.
    """
    if not enabled or _is_plain(args[0].device) or not torch.is_grad_enabled():
        return func(*args)
    return checkpoint(func, *args, use_reentrant=False, preserve_rng_state=False)


def split_tokens(x: Tensor, width: int) -> Sequence[Tensor]:
    """Split tokens for a function that treats every token alike and widens them.

    What the function computes for a chunk should stay in a CPU's cache, and no large temporary has
    to be mapped. Chunks are longer where gradients are recorded: each adds to the weights' once.
    Gradients in half precision are not split, their sum would be rounded once per chunk.

    Args:
        x (Tensor): Tokens (B, N, C).
        width (int): Largest number of channels inside the function.

    Returns:
        Sequence[Tensor]: Chunks (n, C) on a CPU if there is more than one, else ``x`` itself.
    """
    if _is_plain(x.device) or x.device.type != 'cpu':
        return [x]
    room = CHUNK_ELEMENTS
    if torch.is_grad_enabled():
        if autocast_dtype(x).itemsize < 4:
            return [x]
        room *= 4
    tokens = x.flatten(0, 1)
    num_chunks = -(-len(tokens) * width // room)
    return tokens.chunk(num_chunks) if num_chunks > 1 else [x]


def autocast_dtype(x: Tensor) -> torch.dtype:
    """Dtype in which a product of ``x`` runs: autocast's if it is on, else that of ``x``."""
    kind = x.device.type
    # torch refuses to tell for the meta device, which has no autocast.
    if kind == 'meta' or x.dtype == torch.float64 or not torch.is_autocast_enabled(kind):
        return x.dtype
    return torch.get_autocast_dtype(kind)
