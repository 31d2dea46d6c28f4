from typing import Callable, Sequence, Tuple

import torch
from torch import Tensor


def pool_tokens(x: Tensor, grid: Sequence[int], pool: Callable[[Tensor], Tensor],
                num_extra: int) -> Tuple[Tensor, Tuple[int, ...]]:
    """Pool the tokens that form a grid; extra tokens in front (class token) pass unchanged.

    The pooling sees a channels-last *view* of the tokens: no copy into another layout.

    Args:
        x (Tensor): Tokens (B, num_extra + prod(grid), C).
        grid (Sequence[int]): Token grid, (H, W) or (T, H, W).
        pool (Callable): Maps (B, C, *grid) to (B, C, *out_grid).
        num_extra (int): Number of extra tokens.

    Returns:
        tuple: Tokens (B, num_extra + prod(out_grid), C) and ``out_grid``.
    """
    # (B, N, C) -> (B, C, *grid)
    feat = pool(x[:, num_extra:].transpose(1, 2).unflatten(2, tuple(grid)))
    out = feat.flatten(2).transpose(1, 2)
    if num_extra:
        out = torch.cat([x[:, :num_extra], out], dim=1)
    return out, tuple(feat.shape[2:])
