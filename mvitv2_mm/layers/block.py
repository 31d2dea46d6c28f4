from typing import Sequence, Tuple

import torch
import torch.nn as nn
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from torch import Tensor

from ..ops import channels_last, get_max_pool_class, recompute
from .attention import MultiScaleAttention
from .lean import is_inference, is_lean, is_samplewise, is_unwatched, project, split_samples
from .mlp import MLP, add_mlp, run_mlp
from .pooling import pool_tokens


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
        keeps_less (bool): Where modules are plain, run cheap steps again in the backward pass
            instead of keeping what they give. Defaults to True.
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
                 keeps_less: bool = True,
                 **attn_cfg) -> None:
        super().__init__()
        self.in_dims, self.out_dims = in_dims, out_dims
        self.num_extra_tokens = int(with_cls_token)
        self.keeps_less = keeps_less
        self.widens_in_attention = attn_dims != in_dims
        self.widens_in_mlp = out_dims != attn_dims
        self.norm1 = build_norm_layer(norm_cfg, in_dims)[1]
        self.attn = MultiScaleAttention(
            in_dims,
            attn_dims,
            stride_q=stride_q,
            with_cls_token=with_cls_token,
            norm_cfg=norm_cfg,
            keeps_less=keeps_less,
            **attn_cfg)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()
        self.norm2 = build_norm_layer(norm_cfg, attn_dims)[1]
        self.mlp = MLP(attn_dims, int(attn_dims * mlp_ratio), out_dims, keeps_less)

        self.proj = nn.Linear(in_dims, out_dims) if in_dims != out_dims else None
        self.pool_skip = None
        if max(stride_q) > 1:
            kernel = [s + 1 if s > 1 else s for s in stride_q]
            self.pool_skip = get_max_pool_class(len(stride_q))(kernel, stride_q,
                                                               [k // 2 for k in kernel])

    def forward(self, x: Tensor, grid: Sequence[int]) -> Tuple[Tensor, Tuple[int, ...]]:
        """Tokens (B, E + prod(grid), C_in) -> (B, E + prod(out_grid), C_out) and ``out_grid``."""
        parts = split_samples(x, 2 * self.attn.out_dims, self._is_samplewise)
        if len(parts) == 1:
            return self._attend_and_widen(x, grid)
        outs, grids = zip(*[self._attend_and_widen(part, grid) for part in parts])
        return torch.cat(outs), grids[0]

    def _is_samplewise(self) -> bool:
        """Whether nobody can tell how many samples go through the modules inside at once."""
        return (type(self.attn) is MultiScaleAttention and type(self.mlp) is MLP
                and all(map(is_samplewise, self.children())))

    def _attend_and_widen(self, x: Tensor, grid: Sequence[int]) -> Tuple[Tensor, Tuple[int, ...]]:
        normed = self.norm1(x)
        skip = self._skip_attention(normed if self.widens_in_attention else x, grid)
        branch, grid = self.attn(normed, grid)
        x = self._add(skip, branch)
        if self.widens_in_mlp:
            normed = self.norm2(x)
            return project(self.proj, normed) + self.drop_path(run_mlp(self.mlp, normed)), grid
        return add_mlp(x, self.mlp, self.norm2, self.drop_path), grid

    def _add(self, skip: Tensor, branch: Tensor) -> Tensor:
        """``skip + drop_path(branch)``, in place where nobody else has what attention returned."""
        attn = self.attn
        is_own = type(attn) is MultiScaleAttention and is_unwatched(attn) and is_lean(attn.proj)
        if (is_inference() and is_own and is_samplewise(self.drop_path)
                and branch.dtype == skip.dtype):
            return branch.add_(skip)
        return skip + self.drop_path(branch)

    def _skip_attention(self, x: Tensor, grid: Sequence[int]) -> Tensor:
        """Skip path of attention: tokens are projected where channels widen, and max-pooled."""
        projects, pools = self.widens_in_attention, self.pool_skip is not None
        modules = (self.proj, ) * projects + (self.pool_skip, ) * pools
        keeps_less = self.keeps_less and (projects or pools) and is_lean(*modules)
        return recompute(self._project_and_pool, x, grid, enabled=keeps_less)

    def _project_and_pool(self, x: Tensor, grid: Sequence[int]) -> Tensor:
        if self.widens_in_attention:
            x = project(self.proj, x)
        if self.pool_skip is None:
            return x
        return pool_tokens(x, grid, lambda feat: channels_last(self.pool_skip, feat, len(grid)),
                           self.num_extra_tokens)
