from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from torch import Tensor

from ..ops import (depthwise_conv, drop_unread, get_attention_path, get_conv_class,
                   get_pooling_path, merge_windows, pooling_attention, recompute, resize_rel_pos,
                   split_windows, triton_pool_norm)
from .pooling import pool_tokens

_AXES = {2: 'hw', 3: 'thw'}


class MultiScaleAttention(nn.Module):
    """Pooling attention with decomposed relative positions and residual pooling.

    Queries, keys and values are pooled by depthwise convolutions that all heads share, normed per
    head, and attend to each other over the whole grid or inside windows.

    Args:
        in_dims (int): Channels of the input tokens.
        out_dims (int): Channels of the output tokens.
        num_heads (int): Number of heads; must divide ``out_dims``.
        grid_size (Sequence[int]): Token grid the position tables are built for, (H, W) or
            (T, H, W). Other grids work: the tables are resized on the fly.
        stride_q (Sequence[int]): Query pooling stride per axis, in tokens.
        stride_kv (Sequence[int]): Key and value pooling stride per axis, in tokens.
        pool_kernel (Sequence[int]): Pooling kernel per axis, in tokens, odd.
        window_size (int): Side of the attention windows on the incoming grid, in tokens; 0 attends
            globally.
        rel_pos_embed (bool): Add decomposed relative positions.
        residual_pooling (bool): Add the pooled query to the output (grid tokens only).
        qkv_bias (bool): Bias of the qkv projection.
        with_cls_token (bool): The first token is a class token, outside the grid.
        norm_cfg (dict): Norm after each pooling.
        recompute (bool): Keep no pooled tokens for the backward pass, but pool again. Defaults to
            True.

    Source: MViTv2 paper, section 4.1; SlowFast ``models/attention.py``; windows as in detectron2
    ``modeling/backbone/mvit.py`` (split after pooling and norm, padded keys not masked).
    """

    def __init__(self,
                 in_dims: int,
                 out_dims: int,
                 num_heads: int,
                 grid_size: Sequence[int],
                 stride_q: Sequence[int],
                 stride_kv: Sequence[int],
                 pool_kernel: Sequence[int],
                 window_size: int,
                 rel_pos_embed: bool,
                 residual_pooling: bool,
                 qkv_bias: bool,
                 with_cls_token: bool,
                 norm_cfg: dict,
                 recompute: bool = True) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.num_extra = int(with_cls_token)
        self.residual_pooling = residual_pooling
        self.recompute = recompute
        self.window_q = self.window_kv = None
        if window_size:
            self.window_q = [window_size // s for s in stride_q]
            self.window_kv = [window_size // s for s in stride_kv]

        head_dim = out_dims // num_heads
        self.qkv = nn.Linear(in_dims, out_dims * 3, bias=qkv_bias)
        self.proj = nn.Linear(out_dims, out_dims)
        conv_class = get_conv_class(len(grid_size))
        for name, stride in zip('qkv', (stride_q, stride_kv, stride_kv)):
            pool = conv_class(
                head_dim,
                head_dim,
                pool_kernel,
                stride, [k // 2 for k in pool_kernel],
                groups=head_dim,
                bias=False)
            self.add_module(f'pool_{name}', pool)
            self.add_module(f'norm_{name}', build_norm_layer(norm_cfg, head_dim)[1])

        self.rel_pos_names = []
        if rel_pos_embed:
            for axis, n, sq, sk in zip(_AXES[len(grid_size)], grid_size, stride_q, stride_kv):
                length = 2 * max(n // sq, n // sk, 1) - 1
                self.rel_pos_names.append(f'rel_pos_{axis}')
                self.register_parameter(f'rel_pos_{axis}',
                                        nn.Parameter(torch.zeros(length, head_dim)))

    @property
    def rel_pos(self) -> Optional[list]:
        """The position tables, one per axis, or None."""
        return [getattr(self, name) for name in self.rel_pos_names] or None

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        """Resize position tables of a checkpoint made for another input size, once."""
        for name in self.rel_pos_names:
            table, own = state_dict.get(prefix + name), getattr(self, name)
            if table is not None and table.shape[1:] == own.shape[1:]:
                state_dict[prefix + name] = resize_rel_pos(table, len(own))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _project_kv(self, x: Tensor, grid: Sequence[int], weight: Tensor, bias: Optional[Tensor]):
        """Keys and values next to each other, only where their pooling reads them.

        Returns:
            tuple: Tokens (B, N', 2 * M * D), their grid, and the stride to pool it with.
        """
        kernel, stride = self.pool_k.kernel_size, self.pool_k.stride
        skips = any(s > k for s, k in zip(stride, kernel))
        if skips and get_attention_path(x.device) != 'reference':
            x, grid = pool_tokens(x, grid, lambda feat: drop_unread(feat, kernel, stride),
                                  self.num_extra)
            stride = [min(s, k) for s, k in zip(stride, kernel)]
        return F.linear(x, weight, bias), grid, stride

    def _pool(self, x: Tensor, names: str, grid: Sequence[int],
              stride: Sequence[int]) -> Tuple[List[Tensor], Tuple[int, ...]]:
        """Tokens (B, N, len(names) * M * D) -> normed heads (B, N', M, D) per name, their grid."""
        if get_pooling_path() == 'triton':
            return self._triton_pool(x, names, grid, stride)
        return recompute(self._plain_pool, x, names, grid, stride, enabled=self.recompute)

    def _triton_pool(self, x: Tensor, names: str, grid: Sequence[int],
                     stride: Sequence[int]) -> Tuple[List[Tensor], Tuple[int, ...]]:
        heads = []
        for name, part in zip(names, x.chunk(len(names), dim=-1)):
            weight, norm = getattr(self, f'pool_{name}').weight, getattr(self, f'norm_{name}')
            fused = isinstance(norm, nn.LayerNorm)
            affine = (norm.weight, norm.bias, norm.eps) if fused else ()
            pooled, out_grid = triton_pool_norm(part, grid, weight, stride, self.num_extra, *affine)
            heads.append(pooled if fused else norm(pooled))
        return heads, out_grid

    def _plain_pool(self, x: Tensor, names: str, grid: Sequence[int],
                    stride: Sequence[int]) -> Tuple[List[Tensor], Tuple[int, ...]]:
        # Heads stay next to each other in the channels, so each repeats the shared kernel.
        weight = torch.cat([
            w.repeat(self.num_heads, *[1] * (w.dim() - 1))
            for w in (getattr(self, f'pool_{name}').weight for name in names)
        ])
        x, grid = pool_tokens(x, grid, lambda feat: depthwise_conv(feat, weight, stride),
                              self.num_extra)
        heads = x.unflatten(2, (len(names), self.num_heads, -1)).unbind(2)
        return [getattr(self, f'norm_{n}')(x) for n, x in zip(names, heads)], grid

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, q_grid: Sequence[int],
                k_grid: Sequence[int]) -> Tensor:
        """Attention of (B, N, M, D) heads, global or per window."""
        if self.window_q is None:
            q, k, v = (x.transpose(1, 2) for x in (q, k, v))
            return pooling_attention(q, k, v, q_grid, k_grid, self.rel_pos).transpose(1, 2)

        def to_windows(x, grid, window):
            # (B, N, M, D) -> (B * num_windows, *window, M * D) -> (B * num_windows, M, L, D)
            x = split_windows(x.flatten(2).unflatten(1, tuple(grid)), window)
            return x.flatten(1, -2).unflatten(2, (self.num_heads, -1)).transpose(1, 2)

        q = to_windows(q, q_grid, self.window_q)
        k, v = (to_windows(x, k_grid, self.window_kv) for x in (k, v))
        x = pooling_attention(q, k, v, self.window_q, self.window_kv, self.rel_pos)
        x = x.transpose(1, 2).flatten(2).unflatten(1, tuple(self.window_q))
        return merge_windows(x, q_grid).flatten(1, -2).unflatten(2, (self.num_heads, -1))

    def _add_queries(self, x: Tensor, q: Tensor) -> Tensor:
        """The residual (B, N, M, D), grid tokens only."""
        if not self.num_extra:
            return x + q
        # A product with zero: for a change in place, autograd would copy the whole map.
        keep = q.new_ones(q.shape[1], 1, 1)
        keep[:self.num_extra] = 0
        return torch.addcmul(x, q, keep)

    def forward(self, x: Tensor, grid: Sequence[int]) -> Tuple[Tensor, Tuple[int, ...]]:
        """Tokens (B, E + prod(grid), C_in) -> (B, E + prod(q_grid), C_out) and ``q_grid``."""
        sizes = [self.proj.in_features, 2 * self.proj.in_features]
        weight = self.qkv.weight.split(sizes)
        bias = (None, None) if self.qkv.bias is None else self.qkv.bias.split(sizes)
        q = F.linear(x, weight[0], bias[0])
        (q, ), q_grid = self._pool(q, 'q', grid, self.pool_q.stride)
        kv, grid, stride = recompute(
            self._project_kv, x, grid, weight[1], bias[1], enabled=self.recompute)
        (k, v), k_grid = self._pool(kv, 'kv', grid, stride)
        out = self._attend(q, k, v, q_grid, k_grid)
        if self.residual_pooling:
            out = self._add_queries(out, q)
        return self.proj(out.flatten(2)), q_grid
