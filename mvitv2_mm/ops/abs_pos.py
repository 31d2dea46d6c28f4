"""Absolute position embeddings (off in every released MViTv2, kept for custom models)."""
from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_MODE = {2: 'bicubic', 3: 'trilinear'}


def resize_abs_pos(pos_embed: Tensor, src_grid: Sequence[int], dst_grid: Sequence[int]) -> Tensor:
    """Resize absolute position embeddings; tokens before the grid (cls token) are kept.

    Args:
        pos_embed (Tensor): Shape (1, E + prod(src_grid), C) with E extra tokens first.
        src_grid (Sequence[int]): Token grid the embeddings belong to.
        dst_grid (Sequence[int]): Wanted token grid, same rank.

    Returns:
        Tensor: Shape (1, E + prod(dst_grid), C), resized bicubically (2D) or trilinearly (3D).
    """
    if tuple(src_grid) == tuple(dst_grid):
        return pos_embed
    num_extra = pos_embed.shape[1] - torch.Size(src_grid).numel()
    extra, patches = pos_embed[:, :num_extra], pos_embed[:, num_extra:]
    # (1, L, C) -> (1, C, *grid)
    feat = patches.transpose(1, 2).unflatten(2, tuple(src_grid))
    feat = F.interpolate(feat, size=tuple(dst_grid), mode=_MODE[len(src_grid)], align_corners=False)
    return torch.cat([extra, feat.flatten(2).transpose(1, 2)], dim=1)
