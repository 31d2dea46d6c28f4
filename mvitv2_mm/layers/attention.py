from typing import Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmcv.cnn import build_norm_layer
from torch import Tensor

from ..ops import (KERNELS, channels_last, fill_stride, get_conv_class, merge_windows, pooled_grid,
                   pooling_attention, resize_rel_pos, split_windows)
from .lean import has_lean_heads, is_inference, lean_heads, project
from .path import get_compute_path
from .pooling import pool_tokens

_AXES = {2: 'hw', 3: 'thw'}
# A symbolic trace (torch.fx) records each of these as one call: they look at sizes.
for name in ('merge_windows', 'pooling_attention', 'split_windows'):
    torch.fx.wrap(name)


class MultiScaleAttention(nn.Module):
    """Pooling attention with decomposed relative positions and residual pooling.

    Queries, keys and values are pooled by depthwise convolutions that all heads share, normed per
    head, and attend to each other over the whole grid or inside windows.

    The modules are called with these shapes: ``qkv`` with tokens (B, N, C_in), ``pool_*`` with the
    maps of all heads (B * M, D, *grid), ``norm_*`` with heads (B, M, N', D), ``proj`` with tokens
    (B, N', C_out). Where they are plain, :mod:`mvitv2_mm.layers.lean` may compute the same without
    calling any of them.

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
        keeps_less (bool): Position bias and, in the lean way, poolings are computed again in the
            backward pass instead of being kept. Defaults to True.

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
                 keeps_less: bool = True) -> None:
        super().__init__()
        self.in_dims, self.out_dims = in_dims, out_dims
        self.num_heads = num_heads
        self.stride_q, self.stride_kv = tuple(stride_q), tuple(stride_kv)
        self.pool_kernel = tuple(pool_kernel)
        self.num_extra_tokens = int(with_cls_token)
        self.residual_pooling = residual_pooling
        self.keeps_less = keeps_less
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

    def forward(self, x: Tensor, grid: Sequence[int]) -> Tuple[Tensor, Tuple[int, ...]]:
        """Tokens (B, E + prod(grid), C_in) -> (B, E + prod(q_grid), C_out) and ``q_grid``."""
        q, k, v = self.pool_heads(x, grid)
        q_grid, k_grid = pooled_grid(grid, self.stride_q), pooled_grid(grid, self.stride_kv)
        out = self._attend(q, k, v, q_grid, k_grid)
        if self.residual_pooling:
            out = self._add_queries(out, q)
        return project(self.proj, self.merge_heads(out)), q_grid

    def pool_heads(self, x: Tensor, grid: Sequence[int]) -> Tuple[Tensor, Tensor, Tensor]:
        """Tokens (B, E + prod(grid), C_in) -> pooled and normed q, k, v, each (B, M, N', D)."""
        if has_lean_heads(self):
            return lean_heads(self, x, grid)
        # (B, N, 3 * M * D) -> (3, B, M, N, D)
        heads = self.qkv(x).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        q, k, v = heads.unbind(0)
        return (self.norm_q(self._pool(self.pool_q, q, grid, self.stride_q)),
                self.norm_k(self._pool(self.pool_k, k, grid, self.stride_kv)),
                self.norm_v(self._pool(self.pool_v, v, grid, self.stride_kv)))

    def merge_heads(self, heads: Tensor) -> Tensor:
        """Heads (B, M, N', D), side by side in the channels (B, N', M * D)."""
        return heads.transpose(1, 2).flatten(2)

    def _pool(self, pool: nn.Module, x: Tensor, grid: Sequence[int],
              stride: Sequence[int]) -> Tensor:
        """Heads (B, M, E + prod(grid), D) -> (B, M, E + prod(out_grid), D)."""

        def pool_maps(feat: Tensor) -> Tensor:
            return channels_last(pool, fill_stride(feat, grid, stride), len(grid))

        pooled = pool_tokens(x.flatten(0, 1), grid, pool_maps, self.num_extra_tokens)
        return pooled.unflatten(0, (-1, self.num_heads))

    def split_heads(self, q: Tensor, k: Tensor, v: Tensor, q_grid: Sequence[int],
                    k_grid: Sequence[int]) -> Tuple[Tensor, ...]:
        """Cut pooled heads (B, M, N, D) into windows, if there are any.

        Returns:
            tuple: q, k and v of shape (B * num_windows, M, L, D), and the grids of queries and keys
            that attend to each other. Without windows, what came in.
        """
        if self.window_q is None:
            return q, k, v, q_grid, k_grid

        def to_windows(x, grid, window):
            # (B, M, N, D) -> (B * num_windows, *window, M * D) -> (B * num_windows, M, L, D)
            x = split_windows(x.transpose(1, 2).flatten(2).unflatten(1, tuple(grid)), window)
            return x.flatten(1, -2).unflatten(2, (self.num_heads, -1)).transpose(1, 2)

        q = to_windows(q, q_grid, self.window_q)
        k, v = (to_windows(x, k_grid, self.window_kv) for x in (k, v))
        return q, k, v, self.window_q, self.window_kv

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, q_grid: Sequence[int],
                k_grid: Sequence[int]) -> Tensor:
        """Attention of (B, M, N, D) heads, global or per window."""
        kernel = get_compute_path()
        kernel = kernel if kernel in KERNELS else None
        heads = self.split_heads(q, k, v, q_grid, k_grid)
        x = pooling_attention(*heads, self.rel_pos, kernel, self.keeps_less)
        if self.window_q is None:
            return x
        x = x.transpose(1, 2).flatten(2).unflatten(1, tuple(self.window_q))
        x = merge_windows(x, q_grid).flatten(1, -2)
        return x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)

    def _add_queries(self, x: Tensor, q: Tensor) -> Tensor:
        """The residual (B, M, N, D), grid tokens only; over ``x`` where no gradients are needed."""
        if is_inference() and x.dtype == q.dtype:
            x[:, :, self.num_extra_tokens:] += q[:, :, self.num_extra_tokens:]
            return x
        if not self.num_extra_tokens:
            return x + q
        # Masked by a product, because autograd would copy the whole map for a change in place.
        extra, patches = self.num_extra_tokens, x.shape[2] - self.num_extra_tokens
        keep = torch.cat([q.new_zeros(extra, 1), q.new_ones(patches, 1)])
        return torch.addcmul(x, q, keep)
