"""What depends on the rank of the token grid: 2 (H, W) for images, 3 (T, H, W) for clips."""
from typing import Callable, Sequence, Tuple, Type, Union

import torch.nn as nn
from torch import Tensor

_CONV = {2: nn.Conv2d, 3: nn.Conv3d}
_MAX_POOL = {2: nn.MaxPool2d, 3: nn.MaxPool3d}


def get_conv_class(ndim: int) -> Type[nn.Module]:
    """Return the convolution class for a grid of rank ``ndim`` (2 or 3)."""
    return _CONV[ndim]


def get_max_pool_class(ndim: int) -> Type[nn.Module]:
    """Return the max-pooling class for a grid of rank ``ndim`` (2 or 3)."""
    return _MAX_POOL[ndim]


def to_ntuple(value: Union[int, Sequence[int]], ndim: int, name: str) -> Tuple[int, ...]:
    """Expand an int to ``ndim`` equal ints, or check a sequence of ``ndim`` ints.

    Args:
        value (int | Sequence[int]): One int for all axes or one per axis, in the order (T,) H, W.
        ndim (int): Rank of the grid.
        name (str): Argument name for the error message.

    Returns:
        tuple[int]: ``ndim`` ints.

    Raises:
        ValueError: If a sequence has another length.
    """
    if isinstance(value, int):
        return (value, ) * ndim
    value = tuple(value)
    if len(value) != ndim:
        axes = '(H, W)' if ndim == 2 else '(T, H, W)'
        raise ValueError(f'"{name}" should be an int or {ndim} ints {axes}, but got {value}')
    return value


def conv_out_size(size: Sequence[int], kernel_size: Sequence[int], stride: Sequence[int],
                  padding: Sequence[int]) -> Tuple[int, ...]:
    """Size of a convolution's or pooling's output grid, per axis (floor mode, no dilation)."""
    return tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel_size, stride, padding))


def channels_last(func: Callable[[Tensor], Tensor], x: Tensor, ndim: int) -> Tensor:
    """Apply a function of maps (B, C, *grid) to a map (B, *grid, C), without a copy.

    Args:
        func (Callable): Maps (B, C, *grid) to (B, C', *out_grid), as a convolution does.
        x (Tensor): Shape (B, *grid, C).
        ndim (int): Rank of the grid.

    Returns:
        Tensor: Shape (B, *out_grid, C').
    """
    # no negative numbers: the ONNX exporter for TorchScript writes them into the file as they are
    feat = func(x.permute(0, ndim + 1, *range(1, ndim + 1)))
    return feat.permute(0, *range(2, ndim + 2), 1)


def pooled_grid(grid: Sequence[int], stride: Sequence[int]) -> Tuple[int, ...]:
    """Grid after a pooling with an odd kernel and 'same' padding, per axis ``ceil(n / stride)``."""
    return tuple((n - 1) // s + 1 for n, s in zip(grid, stride))
