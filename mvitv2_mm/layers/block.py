from functools import partial
from typing import Sequence, Tuple

import torch
import torch.nn as nn
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from torch import Tensor

from ..ops import get_max_pool_class, recompute, split_tokens
from .attention import MultiScaleAttention
from .pooling import pool_tokens


class MLP(nn.Module):
    """Two linear layers with a GELU between; output channels may differ from input channels."""

    def __init__(self,
                 in_dims: int,
                 hidden_dims: int,
                 out_dims: int,
                 recompute: bool = True) -> None:
        super().__init__()
        self.recompute = recompute
        self.fc1 = nn.Linear(in_dims, hidden_dims)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden_dims, out_dims)

    def forward(self, x: Tensor, norm: nn.Module) -> Tensor:
        """Tokens (B, N, C) -> (B, N, C') of the normed tokens.

        With ``recompute``, the hidden channels are kept for the backward pass without GELU, or only
        ``x`` where they are many.
        """
        again = partial(recompute, enabled=self.recompute)
        chunks = split_tokens(x, self.fc1.out_features)
        if len(chunks) == 1:
            hidden = again(lambda x: self.fc1(norm(x)), x)
            return again(lambda hidden: self.fc2(self.act(hidden)), hidden)
        out = [again(lambda x: self.fc2(self.act(self.fc1(norm(x)))), x) for x in chunks]
        return torch.cat(out).unflatten(0, x.shape[:2])


class MultiScaleBlock(nn.Module):
    """Transformer block that may downscale the grid and widen the channels.

    Where the channels change, the skip path projects the *normed* tokens; where queries are
    strided, it max-pools the grid.

    Args:
        in_dims (int): Channels of the input tokens.
        attn_dims (int): Channels inside attention and of the MLP's input. Equal to ``out_dims``
            where attention widens the channels, to ``in_dims`` where the MLP does.
        out_dims (int): Channels of the output tokens.
        drop_path (float): Stochastic depth rate of both branches, in [0, 1).
        mlp_ratio (float): Hidden channels of the MLP over ``attn_dims``.
        norm_cfg (dict): Config of every norm layer in the block.
        stride_q (Sequence[int]): Query pooling stride per axis, in tokens.
        with_cls_token (bool): The first token is a class token, outside the grid.
        recompute (bool): Run cheap steps again in the backward pass, see :func:`ops.recompute`.
            Defaults to True.
        **attn_cfg: The other arguments of :class:`MultiScaleAttention`.

    Source: MViTv2 paper, figure 2 and section 4.1; SlowFast ``models/attention.py``.
    """

    def __init__(self,
                 in_dims: int,
                 attn_dims: int,
                 out_dims: int,
                 drop_path: float,
                 mlp_ratio: float,
                 norm_cfg: dict,
                 stride_q: Sequence[int],
                 with_cls_token: bool,
                 recompute: bool = True,
                 **attn_cfg) -> None:
        super().__init__()
        self.num_extra = int(with_cls_token)
        self.recompute = recompute
        self.norm1 = build_norm_layer(norm_cfg, in_dims)[1]
        self.attn = MultiScaleAttention(
            in_dims,
            attn_dims,
            stride_q=stride_q,
            with_cls_token=with_cls_token,
            norm_cfg=norm_cfg,
            recompute=recompute,
            **attn_cfg)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()
        self.norm2 = build_norm_layer(norm_cfg, attn_dims)[1]
        self.mlp = MLP(attn_dims, int(attn_dims * mlp_ratio), out_dims, recompute)

        self.proj = nn.Linear(in_dims, out_dims) if in_dims != out_dims else None
        self.widens_in_attention = attn_dims != in_dims
        self.pool_skip = None
        if max(stride_q) > 1:
            kernel = [s + 1 if s > 1 else s for s in stride_q]
            self.pool_skip = get_max_pool_class(len(stride_q))(kernel, stride_q,
                                                               [k // 2 for k in kernel])

    def _max_pool(self, feat: Tensor) -> Tensor:
        # (B, *grid, C) -> channels-last view (B, C, *grid) and back
        return self.pool_skip(feat.movedim(-1, 1)).movedim(1, -1)

    def _pool_skip(self, x: Tensor, grid: Sequence[int]) -> Tensor:
        """Skip path of attention: (B, E + prod(grid), C) tokens, projected where channels widen."""
        if self.widens_in_attention:
            x = self.proj(x)
        if self.pool_skip is not None:
            x, _ = pool_tokens(x, grid, self._max_pool, self.num_extra)
        return x

    def forward(self, x: Tensor, grid: Sequence[int]) -> Tuple[Tensor, Tuple[int, ...]]:
        """Tokens (B, E + prod(grid), C_in) -> (B, E + prod(out_grid), C_out) and ``out_grid``."""
        normed = self.norm1(x)
        skip = x
        if self.pool_skip is not None or self.widens_in_attention:
            skip = normed if self.widens_in_attention else x
            skip = recompute(self._pool_skip, skip, grid, enabled=self.recompute)
        branch, grid = self.attn(normed, grid)
        x = skip + self.drop_path(branch)

        skip, norm = x, self.norm2
        if self.proj and not self.widens_in_attention:
            x, norm = norm(x), nn.Identity()
            skip = self.proj(x)
        return skip + self.drop_path(self.mlp(x, norm)), grid
