from typing import Callable, Sequence

import torch
from torch import Tensor


def pool_tokens(x: Tensor, grid: Sequence[int], pool: Callable[[Tensor], Tensor],
                num_extra_tokens: int) -> Tensor:
    """Pool the tokens that form a grid; extra tokens in front (class token) pass unchanged.

    Args:
        x (Tensor): Tokens (B, num_extra_tokens + prod(grid), C).
        grid (Sequence[int]): Token grid, (H, W) or (T, H, W).
        pool (Callable): Maps (B, *grid, C) to (B, *out_grid, C).
        num_extra_tokens (int): Number of extra tokens.

    Returns:
        Tensor: Tokens (B, num_extra_tokens + prod(out_grid), C).
    """
    # The tokens are split and not sliced, because the gradient of a slice is a map full of zeros.
    extra, feat = x.split((num_extra_tokens, x.shape[1] - num_extra_tokens), dim=1)
    feat = pool(feat.unflatten(1, tuple(grid))).flatten(1, len(grid))
    return torch.cat([extra, feat], dim=1) if num_extra_tokens else feat
