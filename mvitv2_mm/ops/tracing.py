"""Tell whether a tool records or transforms what runs; such tools take plain PyTorch only."""
import torch
from torch.autograd import forward_ad


def is_transformed() -> bool:
    """Whether ``torch.func`` (``grad``, ``vmap``, ``jvp``, ...) or forward-mode AD is at work."""
    # the first is what torch.autograd.Function itself asks
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def is_exporting() -> bool:
    """Whether ``torch.export`` is at work; releases before 2.7 do not tell it from compiling."""
    # the public torch.compiler.is_exporting() is True in what torch.compile compiles, too
    return getattr(torch.compiler, '_is_exporting_flag', torch.compiler.is_compiling())


def is_traced() -> bool:
    """Whether a graph of what runs is recorded, or its calls are transformed.

    Such a graph can hold no ``torch.autograd.Function`` and no checkpoint, and shall not hold
    loops over chunks whose number depends on the batch. ``torch.compile`` does not count: it sees
    to these things itself. Nor does ``torch.fx``: it replaces calls of modules, which the layers
    notice, and takes attention as one call.
    """
    return torch.jit.is_tracing() or is_exporting() or is_transformed()
