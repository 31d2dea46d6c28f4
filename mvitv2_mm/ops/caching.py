"""Keep index tensors that only depend on sizes."""
from functools import wraps
from typing import Callable, Dict

import torch
from torch import Tensor

_MAX_ENTRIES = 512


def cache_index(func: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Cache a function of hashable arguments that returns an index tensor.

    Nothing is read from or written to the cache where tensors stand for others, as the fake ones
    of ``torch.compile``, ``torch.export`` and ``FakeTensorMode`` do: real and fake tensors cannot
    meet in one operation. The same holds in ``torch.jit.trace``, which compares the graphs of two
    calls. A tensor made under ``inference_mode`` could not take part in a later backward, so the
    mode is left for the computation.

    Args:
        func (Callable): The function to wrap.
    """
    cache: Dict[tuple, Tensor] = {}

    @wraps(func)
    def wrapper(*args) -> Tensor:
        is_traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
        if is_traced or type(torch.empty(0)) is not Tensor:
            return func(*args)
        if args not in cache:
            with torch.inference_mode(False):
                index = func(*args)
            if len(cache) >= _MAX_ENTRIES:
                cache.clear()
            cache[args] = index
        return cache[args]

    return wrapper
