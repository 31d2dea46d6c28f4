from typing import Callable, Sequence, Tuple

import torch
from torch import Tensor


def pool_tokens(x: Tensor, grid: Sequence[int], pool: Callable[[Tensor], Tensor],
                num_extra: int) -> Tuple[Tensor, Tuple[int, ...]]:
    """Pool the tokens that form a grid; extra tokens in front (class token) pass unchanged.

    Args:
        x (Tensor): Tokens (B, num_extra + prod(grid), C).
        grid (Sequence[int]): Token grid, (H, W) or (T, H, W).
        pool (Callable): Maps (B, *grid, C) to (B, *out_grid, C).
        num_extra (int): Number of extra tokens.

    Returns:
        tuple: Tokens (B, num_extra + prod(out_grid), C) and ``out_grid``.
    """
    extra, feat = x.split((num_extra, x.shape[1] - num_extra), dim=1)
    feat = pool(feat.unflatten(1, tuple(grid)))
    out = feat.flatten(1, -2)
    if num_extra:
        out = torch.cat([extra, out], dim=1)
    return out, tuple(feat.shape[1:-1])
