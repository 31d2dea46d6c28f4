"""Save memory: keep less for the backward pass, and compute large temporaries in chunks."""
from typing import Callable, Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .tracing import is_traced

CHUNK_ELEMENTS = 2**20  # 4 MiB in float32: what a chunk computes should stay in a CPU's cache

_LARGEST_SHARED = 2**25 - 2**16  # bytes; of larger arrays glibc learns nothing


def keep_freed() -> None:
    """Let glibc keep up to 64 MiB of free memory of this process, in which tensors come and go.

    It takes the size of the largest array that was freed so far for the size of what a program uses
    again, and gives more than twice of it back to the system. So one array is freed here that is as
    large as it looks at, without being touched. Other C libraries notice nothing.
    """
    torch.empty(_LARGEST_SHARED, dtype=torch.uint8, device='cpu')


def recompute(func: Callable, *args, enabled: bool = True, is_random: bool = False):
    """Call a function that ends in a matrix product; keep its inputs only.

    The backward pass runs ``func`` again up to what the last product read. Cheap steps before the
    product, such as a norm or an activation, thus run twice, and the product runs once. Compilers
    plan their own recomputation, and traced calls cannot be recomputed: both get the plain call.

    Args:
        func (Callable): The function.
        *args: Its arguments.
        enabled (bool): False is the plain call. Defaults to True.
        is_random (bool): ``func`` draws random numbers, which have to be drawn again. Defaults to
            False.

    Returns:
        The result of ``func``.
    """
    if not recomputes(enabled):
        return func(*args)
    return checkpoint(func, *args, use_reentrant=False, preserve_rng_state=is_random)


def recomputes(enabled: bool = True) -> bool:
    """Whether :func:`recompute` would compute something again here."""
    return (enabled and torch.is_grad_enabled() and not torch.compiler.is_compiling()
            and not is_traced())


def split_tokens(x: Tensor, width: int) -> Sequence[Tensor]:
    """Split tokens for a function that treats every token alike and widens them.

    On a CPU, what the function computes for a chunk should stay in the cache, so that no large
    temporary is needed. With gradients the chunks are four times as long, because every chunk adds
    its part to the gradients of the weights. Half precision with gradients is not split: the sum
    over chunks would be rounded once per chunk.

    Args:
        x (Tensor): Tokens (B, N, C).
        width (int): Largest number of channels inside the function.

    Returns:
        Sequence[Tensor]: Chunks (n, C) on a CPU if there is more than one, else ``x`` itself.
    """
    if torch.compiler.is_compiling() or x.device.type != 'cpu':
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
