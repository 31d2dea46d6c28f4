"""Count multiply-accumulates without computing anything.

**Definition.** The published FLOPs of MViTv2 are multiply-accumulates (MACs) of one view, as
fvcore's ``flop_count`` gives them for the official code: convolutions and matrix products, plus 5
per element of every layer norm. Activations, softmax, resizing and RoIAlign are free.

**Why the published formulation is counted, and not what runs.** Here attention is fused: most
counters report 0 for it on a CPU, and the counters that see it also see the position terms that
were folded into extra channels, the padding of head dims, and that keys and values are projected
only where a strided pooling reads them. :func:`published_attention` therefore swaps the attention
for the dense formulation of the paper (same parameters, same result), and the counter sees its
operations. :func:`count_macs` can count either.

Everything runs on the meta device, which knows shapes and has no data: a 512 x 512 huge model
takes seconds.
"""
import math
from contextlib import contextmanager
from typing import Callable, Iterator, NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..layers import MultiScaleAttention, attention
from ..ops import reference_pooling_attention

_LAYER_NORM_COST = 5  # per element, with affine parameters; fvcore's figure


class Macs(NamedTuple):
    """Multiply-accumulates of one forward."""
    products: int = 0
    norms: int = 0

    @property
    def total(self) -> int:
        return self.products + self.norms

    def __add__(self, other: 'Macs') -> 'Macs':
        return Macs(self.products + other.products, self.norms + other.norms)


def dense_attention(self: MultiScaleAttention, x: Tensor,
                    grid: Sequence[int]) -> Tuple[Tensor, Tuple[int, ...]]:
    """Forward of :class:`MultiScaleAttention` as published: every token is projected.

    Args:
        self (MultiScaleAttention): The layer.
        x (Tensor): Tokens (B, E + prod(grid), C_in).
        grid (Sequence[int]): Token grid.

    Returns:
        tuple: As the layer's own forward.
    """
    q, k, v = self.qkv(x).chunk(3, dim=-1)
    q, q_grid = self._pool(q, 'q', grid, self.pool_q.stride)
    k, k_grid = self._pool(k, 'k', grid, self.pool_k.stride)
    v, _ = self._pool(v, 'v', grid, self.pool_v.stride)
    x = self._attend(q, k, v, q_grid, k_grid)
    if self.residual_pooling:
        x = x + F.pad(q[:, self.num_extra:], (0, 0, 0, 0, self.num_extra, 0))
    return self.proj(x.flatten(2)), q_grid


@contextmanager
def published_attention() -> Iterator[None]:
    """Inside this context every :class:`MultiScaleAttention` runs the published formulation."""
    fused = MultiScaleAttention.forward, attention.pooling_attention
    MultiScaleAttention.forward = dense_attention
    attention.pooling_attention = reference_pooling_attention
    try:
        yield
    finally:
        MultiScaleAttention.forward, attention.pooling_attention = fused


def count_macs(func: Callable, *args) -> Tuple[Macs, object]:
    """Multiply-accumulates of ``func(*args)`` and what it returned.

    Call it inside :func:`published_attention` for the published definition, outside for what this
    implementation executes. Arguments and parameters should be on the meta device.
    """
    norms = 0

    def layer_norm(x_shape, *args, **kwargs) -> int:
        nonlocal norms
        norms += _LAYER_NORM_COST * math.prod(x_shape)
        return 0

    mapping = {torch.ops.aten.native_layer_norm: layer_norm}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        out = func(*args)
    # the counter counts a multiply-accumulate as 2
    return Macs(counter.get_total_flops() // 2, norms), out
