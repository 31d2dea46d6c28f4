"""Which way of computing is in use; all ways give the same numbers."""
from contextlib import contextmanager
from typing import Iterator

import torch

ATTENTION_PATHS = ('auto', 'sdpa', 'chunked', 'reference')
_path = 'auto'


def get_attention_path(device: torch.device) -> str:
    """Name of the path that :func:`pooling_attention` takes on a device.

    Args:
        device (torch.device): Where the queries are.

    Returns:
        str: 'sdpa', 'chunked' or 'reference', see :func:`attention_path`.
    """
    if _path != 'auto':
        return _path
    return 'chunked' if device.type == 'cpu' and not torch.compiler.is_compiling() else 'sdpa'


@contextmanager
def attention_path(name: str) -> Iterator[None]:
    """Choose how attention is computed inside a ``with`` block; all ways give the same numbers.

    Args:
        name (str): 'auto' (the default): 'chunked' on a CPU, 'sdpa' elsewhere and in
            ``torch.compile``. 'sdpa': the fused kernel that PyTorch picks for the device.
            'chunked': matrix products on a cache-sized chunk of queries at a time. 'reference':
            the plain formulation of the paper, which writes the whole attention matrix, projects
            every key and value and recomputes nothing: for comparison, counting and export.

    Raises:
        ValueError: If there is no such path.
    """
    global _path
    if name not in ATTENTION_PATHS:
        raise ValueError(f'the attention path should be one of {ATTENTION_PATHS}, but got {name!r}')
    before, _path = _path, name
    try:
        yield
    finally:
        _path = before
