"""Histograms of oriented gradients, the regression targets of MaskFeat."""
import math
from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

NUM_BINS = 9
CELL_SIZE = 8


@torch.no_grad()
def hog(images: Tensor) -> Tensor:
    """Histograms of the unsigned gradient directions in cells, for each channel on its own.

    Args:
        images (Tensor): Shape (B, C, H, W). H and W are rounded down to whole cells of 8 pixels.

    Returns:
        Tensor: Shape (B, C, 9, H / 8, W / 8), of L2 norm 1 over the bins; 0 in cells without
        gradients.

    Source: SlowFast ``slowfast/models/operators.py``, ``HOGLayerC`` without Gaussian window. The
    Sobel filters are sums of slices here, which autocast leaves in full precision.
    """
    images = F.pad(images, (1, 1, 1, 1), mode='reflect')
    grad_x = _smooth(images[..., :-2] - images[..., 2:], dim=-2)
    grad_y = _smooth(images[..., :-2, :] - images[..., 2:, :], dim=-1)
    magnitude = torch.hypot(grad_x, grad_y)
    # Not angle // (pi / NUM_BINS): pi itself must round to a whole number of bins.
    bins = (torch.atan2(grad_x, grad_y) / math.pi * NUM_BINS).floor() % NUM_BINS
    cells = [F.avg_pool2d(magnitude * (bins == i), CELL_SIZE) for i in range(NUM_BINS)]
    return F.normalize(torch.stack(cells, dim=2), dim=2)


def _smooth(x: Tensor, dim: int) -> Tensor:
    """Weights 1, 2, 1 along an axis, which gets two elements shorter."""
    size = x.shape[dim] - 2
    return x.narrow(dim, 0, size) + 2 * x.narrow(dim, 1, size) + x.narrow(dim, 2, size)


def clip_hog(clips: Tensor, frame_stride: int, grid: Sequence[int]) -> Tensor:
    """Targets of all tokens of clips: the cells under a token, for one frame per token.

    Args:
        clips (Tensor): Normalised clips of shape (B, C, T, H, W).
        frame_stride (int): Frames per token; the first of them is described.
        grid (Sequence[int]): Token grid (t, h, w), with whole cells in each token.

    Returns:
        Tensor: Shape (B, t, h, w, C * bins * cells per token).
    """
    frames = clips[:, :, ::frame_stride].transpose(1, 2)
    cells = hog(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
    # (B, t, C, bins, h * n, w * n) -> (B, t, h, w, C, bins, n, n)
    cells = cells.unflatten(5, (grid[2], -1)).unflatten(4, (grid[1], -1))
    return cells.permute(0, 1, 4, 6, 2, 3, 5, 7).flatten(4)
