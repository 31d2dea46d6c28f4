"""Count multiply-accumulates without computing anything.

**Definition.** The published FLOPs of MViTv2 are multiply-accumulates (MACs) of one view, as
fvcore's ``flop_count`` gives them for the official code: convolutions and matrix products, plus 5
per element of every layer norm. Activations, softmax, resizing and RoIAlign are free.

To get these figures, count inside ``compute_path('reference')``. Other paths run something else.
Most counters report 0 for fused attention on a CPU. Those that see it also count the position terms
that are appended as channels and the padding of head dims, and count only those keys and values
that a strided pooling reads.

Everything runs on the meta device, which knows shapes and has no data.
"""
import math
from typing import Callable, NamedTuple, Tuple

import torch
from torch.utils.flop_counter import FlopCounterMode

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


def count_macs(func: Callable, *args) -> Tuple[Macs, object]:
    """Multiply-accumulates of ``func(*args)`` and what it returned.

    Arguments and parameters should be on the meta device.
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
