"""Split a grid of tokens into windows and back, for any rank.

Source: detectron2 ``detectron2/modeling/backbone/utils.py`` (``window_partition``,
``window_unpartition``), here for any number of axes.
"""
from typing import Sequence, Tuple

import torch.nn.functional as F
from torch import Tensor


def _num_windows(grid: Sequence[int], window: Sequence[int]) -> Tuple[int, ...]:
    # of positive numbers: ONNX rounds quotients towards zero
    return tuple((n + w - 1) // w for n, w in zip(grid, window))


def split_windows(x: Tensor, window: Sequence[int]) -> Tensor:
    """Cut a grid into windows, zero-padded at the end of each axis where they do not fit.

    Args:
        x (Tensor): Shape (B, *grid, C), e.g. (B, H, W, C).
        window (Sequence[int]): Window size per axis.

    Returns:
        Tensor: Shape (B * num_windows, *window, C), windows in row-major order.
    """
    grid, ndim = x.shape[1:-1], len(window)
    counts = _num_windows(grid, window)
    pad = [n * w - g for n, w, g in zip(counts, window, grid)]
    # sizes that torch.export keeps open are no ints
    if any(type(n) is not int or n for n in pad):
        # F.pad takes the last axis first: (C, W, H, ...)
        x = F.pad(x, [0, 0] + [p for after in reversed(pad) for p in (0, after)])
    # (B, H, W, C) -> (B, nH, wH, nW, wW, C) -> (B, nH, nW, wH, wW, C)
    x = x.reshape(-1, *[n for pair in zip(counts, window) for n in pair], x.shape[-1])
    order = [0, *range(1, 2 * ndim, 2), *range(2, 2 * ndim + 1, 2), 2 * ndim + 1]
    return x.permute(order).reshape(-1, *window, x.shape[-1])


def merge_windows(windows: Tensor, grid: Sequence[int]) -> Tensor:
    """Undo :func:`split_windows`: put windows back on their grid and drop the padding.

    Args:
        windows (Tensor): Shape (B * num_windows, *window, C).
        grid (Sequence[int]): Size of the grid before padding.

    Returns:
        Tensor: Shape (B, *grid, C).
    """
    window, ndim = windows.shape[1:-1], len(grid)
    counts = _num_windows(grid, window)
    # (B, nH, nW, wH, wW, C) -> (B, nH, wH, nW, wW, C) -> (B, H, W, C)
    x = windows.reshape(-1, *counts, *window, windows.shape[-1])
    order = [0, *[i for a in range(1, ndim + 1) for i in (a, a + ndim)], 2 * ndim + 1]
    padded = [n * w for n, w in zip(counts, window)]
    x = x.permute(order).reshape(-1, *padded, windows.shape[-1])
    for axis, size in enumerate(grid):
        x = x.narrow(axis + 1, 0, size)
    return x
