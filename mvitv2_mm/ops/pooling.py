"""Depthwise pooling of token grids, without copies into another layout.

Source: the q, k, v pooling of MViTv2 (paper, section 3; SlowFast ``models/attention.py``).
"""
from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .caching import cache_index


def depthwise_conv(x: Tensor, weight: Tensor, stride: Sequence[int]) -> Tensor:
    """Depthwise convolution of channels-last maps with 'same' zero padding.

    A clip is convolved as a sum over the frames of the kernel, each a 2D convolution of all frames:
    2D depthwise kernels for channels-last maps exist on every device, 3D ones are slow.

    Args:
        x (Tensor): Shape (B, *grid, C).
        weight (Tensor): Shape (C, 1, *kernel), odd kernel sizes.
        stride (Sequence[int]): Stride per axis, in tokens.

    Returns:
        Tensor: Shape (B, *out_grid, C), ``out_grid[a] = ceil(grid[a] / stride[a])``.
    """
    if x.dim() == 4:
        padding = [k // 2 for k in weight.shape[2:]]
        # The same single window, but torch's bfloat16 CPU kernel returns garbage as the gradient of
        # taps that lie in the padding if the stride is larger than the map.
        stride = [min(s, n) for s, n in zip(stride, x.shape[1:3])]
        # (B, H, W, C) -> channels-last view (B, C, H, W) and back
        out = F.conv2d(
            x.permute(0, 3, 1, 2), weight, stride=stride, padding=padding, groups=len(weight))
        return out.permute(0, 2, 3, 1)
    frames, batch_time = x.flatten(0, 1), x.shape[:2]
    taps = [
        depthwise_conv(frames, w, stride[1:]).unflatten(0, batch_time) for w in weight.unbind(2)
    ]
    centre = len(taps) // 2
    out = taps[centre]
    for shift in range(1, centre + 1):
        out[:, shift:] += taps[centre - shift][:, :-shift]
        out[:, :-shift] += taps[centre + shift][:, shift:]
    return out[:, ::stride[0]]


@cache_index
def _read_positions(size: int, kernel: int, stride: int, device: str) -> Tensor:
    """Positions on an axis that a pooling with ``stride > kernel`` and 'same' padding reads."""
    windows = (range(i - kernel // 2, i - kernel // 2 + kernel) for i in range(0, size, stride))
    # A list, not a mask: the length of the result must not depend on data, for torch.compile.
    return torch.tensor([p for window in windows for p in window if 0 <= p < size], device=device)


def drop_unread(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Drop the tokens of a map that no window of a strided pooling reads.

    Pooling what is left with ``min(kernel, stride)`` as stride gives the same result, so a
    projection before the pooling can skip the rest: a stride of 8 with a kernel of 3 reads 14 % of
    a map.

    Args:
        x (Tensor): Shape (B, *grid, C).
        kernel (Sequence[int]): Odd kernel per axis.
        stride (Sequence[int]): Stride per axis.

    Returns:
        Tensor: Shape (B, *smaller_grid, C).
    """
    for axis, (k, s) in enumerate(zip(kernel, stride)):
        if s > k:
            index = _read_positions(x.shape[axis + 1], k, s, str(x.device))
            x = x.index_select(axis + 1, index)
    return x
