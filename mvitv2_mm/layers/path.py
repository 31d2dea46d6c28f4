"""Choose how layers compute; every way gives the same numbers."""
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ContextManager, Iterator

from ..ops import KERNELS

COMPUTE_PATHS = ('auto', 'triton', *KERNELS)
_path: ContextVar[str] = ContextVar('compute_path', default='auto')


def get_compute_path() -> str:
    """Name of the path in use, see :func:`compute_path`."""
    return _path.get()


# torch.compile cannot read a ContextVar, and is to take the value as it is while it compiles.
get_compute_path._dynamo_marked_constant = True


def compute_path(name: str) -> ContextManager[None]:
    """Choose how layers compute inside a ``with`` block.

    A compiled model keeps the path that it was compiled with.

    Args:
        name (str): 'auto' (the default): the lean way through layers whose modules are plain
            (:mod:`mvitv2_mm.layers.lean`), with the attention kernel 'chunked' on a CPU and 'sdpa'
            elsewhere. 'sdpa' or 'chunked': the same with this attention kernel
            (:func:`mvitv2_mm.ops.pooling_attention`). 'triton': the same as 'auto' with
            :func:`mvitv2_mm.ops.triton_pool_norm`, for GPUs, where it has not been timed yet.
            'reference': the formulas of the paper and nothing else, to compare and to count. Every
            module is called, the whole attention matrix is stored and nothing is recomputed.

    Returns:
        ContextManager: The ``with`` block.

    Raises:
        ValueError: If there is no such path.
    """
    if name not in COMPUTE_PATHS:
        raise ValueError(f'the path should be one of {COMPUTE_PATHS}, but got {name!r}')
    return _chosen(name)


@contextmanager
def _chosen(name: str) -> Iterator[None]:
    token = _path.set(name)
    try:
        yield
    finally:
        _path.reset(token)
