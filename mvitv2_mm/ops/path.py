"""Which way of computing is in use; all ways give the same numbers."""
from contextlib import contextmanager
from typing import ContextManager, Iterator, Sequence

import torch

ATTENTION_PATHS = ('auto', 'sdpa', 'chunked', 'reference')
POOLING_PATHS = ('auto', 'triton')
_paths = dict(attention='auto', pooling='auto')


def get_attention_path(device: torch.device) -> str:
    """Name of the path that :func:`pooling_attention` takes on a device.

    Args:
        device (torch.device): Where the queries are.

    Returns:
        str: 'sdpa', 'chunked' or 'reference', see :func:`attention_path`.
    """
    if _paths['attention'] != 'auto':
        return _paths['attention']
    return 'chunked' if device.type == 'cpu' and not torch.compiler.is_compiling() else 'sdpa'


def get_pooling_path() -> str:
    """Name of the path that pooling takes, see :func:`pooling_path`."""
    return _paths['pooling']


def attention_path(name: str) -> ContextManager[None]:
    """Choose how attention is computed inside a ``with`` block.

    Args:
        name (str): 'auto' (the default): 'chunked' on a CPU, 'sdpa' elsewhere and in
            ``torch.compile``. 'sdpa': the fused kernel that PyTorch picks for the device.
            'chunked': matrix products on a cache-sized chunk of queries at a time. 'reference':
            the plain formulation of the paper, which writes the whole attention matrix, projects
            every key and value and recomputes nothing: for comparison, counting, export and
            gradients of gradients, which the other paths do not give.

    Returns:
        ContextManager: The ``with`` block.

    Raises:
        ValueError: If there is no such path.
    """
    return _choose('attention', name, ATTENTION_PATHS)


def pooling_path(name: str) -> ContextManager[None]:
    """Choose how tokens are pooled inside a ``with`` block.

    Args:
        name (str): 'auto' (the default): convolution and norm by PyTorch. 'triton':
            :func:`triton_pool_norm`, for GPUs, where it has not been timed yet.

    Returns:
        ContextManager: The ``with`` block.

    Raises:
        ValueError: If there is no such path.
    """
    return _choose('pooling', name, POOLING_PATHS)


def _choose(what: str, name: str, names: Sequence[str]) -> ContextManager[None]:
    if name not in names:
        raise ValueError(f'the {what} path should be one of {names}, but got {name!r}')
    return _chosen(what, name)


@contextmanager
def _chosen(what: str, name: str) -> Iterator[None]:
    before, _paths[what] = _paths[what], name
    try:
        yield
    finally:
        _paths[what] = before
