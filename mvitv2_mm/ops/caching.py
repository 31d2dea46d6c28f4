"""Keep index tensors that only depend on sizes."""
from functools import wraps
from typing import Callable, Dict

import torch
from torch import Tensor

_MAX_ENTRIES = 512


def cache_index(func: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Cache a function of hashable arguments that returns an index tensor.

    Fake tensors, as ``torch.compile`` and ``torch.export`` trace with, are not kept: they would
    break the calls after the trace. A tensor made under ``inference_mode`` could not take part in
    a later backward, so the mode is left for the computation.

    Args:
        func (Callable): The function to wrap.
    """
    cache: Dict[tuple, Tensor] = {}

    @wraps(func)
    def wrapper(*args) -> Tensor:
        if torch.compiler.is_compiling():
            return func(*args)
        if args not in cache:
            with torch.inference_mode(False):
                index = func(*args)
            if type(index) is not Tensor:
                return index
            if len(cache) >= _MAX_ENTRIES:
                cache.clear()
            cache[args] = index
        return cache[args]

    return wrapper
