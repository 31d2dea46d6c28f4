"""Where pooled tokens come from: poolings as matrices whose rows sum to 1.

A row vector over the pooled tokens times such a matrix is a row vector over the tokens before. The
matrices are never written: a product is a transposed convolution.
"""
import math
from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_input, conv3d_input

from ..ops import pooled_grid

_CONV_INPUT = {2: conv2d_input, 3: conv3d_input}
_MAX_POOL = {2: F.max_pool2d, 3: F.max_pool3d}
_TINY = 1e-12
_CHUNK_ELEMENTS = 2**20


def spread_conv(rows: Tensor, weight: Tensor, grid: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Times the pooling of a depthwise convolution.

    A pooled token comes from the tokens under the kernel, each by its share of the kernel's
    absolute weights, of which the mean over the channels is taken. Taps outside of the grid read
    zeros; their share goes to the token at the border, so that what is the same everywhere stays
    so.

    Args:
        rows (Tensor): Row vectors (R, E + prod(pooled grid)). The first E entries, of a class
            token, pass unchanged.
        weight (Tensor): Kernel (D, 1, *kernel) of odd sizes.
        grid (Sequence[int]): Grid before the pooling.
        stride (Sequence[int]): Stride per axis.

    Returns:
        Tensor: Row vectors (R, E + prod(grid)).
    """
    shares = weight.detach().abs().mean(dim=0, keepdim=True).to(rows) + _TINY
    ndim, margin = len(grid), [n // 2 for n in weight.shape[2:]]
    extra, maps = _split(rows, pooled_grid(grid, stride))
    size = (len(rows), 1, *(n + 2 * m for n, m in zip(grid, margin)))
    spread = _CONV_INPUT[ndim](size, shares / shares.sum(), maps[:, None], stride)[:, 0]
    for axis, (n, m) in enumerate(zip(grid, margin), 1):
        before, spread, after = spread.split((m, n, m), dim=axis)
        spread = spread.clone()
        spread.select(axis, 0).add_(before.sum(dim=axis))
        spread.select(axis, n - 1).add_(after.sum(dim=axis))
    return torch.cat([extra, spread.flatten(1)], dim=1)


def spread_max(rows: Tensor, tokens: Tensor, pool: nn.Module, grid: Sequence[int]) -> Tensor:
    """Times a max-pooling: a pooled token comes from the tokens that its channels are taken from.

    Args:
        rows (Tensor): Row vectors (R, E + prod(pooled grid)).
        tokens (Tensor): What was pooled, (1, E + prod(grid), C).
        pool (nn.Module): The max-pooling.
        grid (Sequence[int]): Grid before the pooling.

    Returns:
        Tensor: Row vectors (R, E + prod(grid)).
    """
    num_extra = tokens.shape[1] - math.prod(grid)
    feat = tokens[:, num_extra:].unflatten(1, tuple(grid)).movedim(-1, 1)  # a view, channels last
    _, winners = _MAX_POOL[len(grid)](
        feat, pool.kernel_size, pool.stride, pool.padding, return_indices=True)
    winners = winners[0].flatten(1)  # (C, prod(pooled grid))
    extra, pooled = rows[:, :num_extra], rows[:, num_extra:] / len(winners)
    spread = rows.new_zeros(len(rows), math.prod(grid))
    for index in winners.split(max(1, _CHUNK_ELEMENTS // pooled.numel())):
        spread.scatter_add_(1, index.flatten().expand(len(rows), -1), pooled.repeat(1, len(index)))
    return torch.cat([extra, spread], dim=1)


def _split(rows: Tensor, grid: Sequence[int]):
    """Entries of extra tokens, and maps (R, *grid)."""
    num_extra = rows.shape[1] - math.prod(grid)
    return rows[:, :num_extra], rows[:, num_extra:].unflatten(1, tuple(grid))
