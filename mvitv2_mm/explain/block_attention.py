"""The attention of one block for one input, computed again in chunks of queries."""
from typing import Optional, Sequence

import torch
from torch import Tensor

from ..ops import attention_weights, matmul, merge_windows, pooled_grid, split_windows
from .recording import BlockRecord


class BlockAttention:
    """Queries, keys and values of a block, and products with its attention matrix.

    The matrix is never there as a whole.

    Args:
        record (BlockRecord): What went through the block.
        mirrored (bool): Let queries look for the opposite: keys change their sign. Defaults to
            False.

    Attributes:
        q_grid (tuple[int]): Grid of the queries, which is the one that the block returns.
        k_grid (tuple[int]): Grid of the keys.
    """

    def __init__(self, record: BlockRecord, mirrored: bool = False) -> None:
        attn, heads = record.block.attn, record.pooled
        self.attn, self.added = attn, record.added_queries
        self.q_grid = record.out_grid
        self.k_grid = pooled_grid(record.grid, attn.stride_kv)
        self.num_queries, self.num_keys = heads[0].shape[2], heads[1].shape[2]
        self.q, self.k, self.v, *self._grids = attn.split_heads(*heads, self.q_grid, self.k_grid)
        self.k = -self.k if mirrored else self.k
        ones = heads[1].new_ones(1, self.num_keys)
        #: which keys are tokens, and not what windows are filled up with; (windows, L)
        self._real = self._to_windows(ones, self.k_grid, attn.window_kv)[..., 0]

    def _chunks(self):
        return attention_weights(self.q, self.k, *self._grids, self.attn.rel_pos)

    def output(self) -> Tensor:
        """What the attention module returns, (1, N_q, C)."""
        out = torch.empty_like(self.q)
        for chunk, weights in self._chunks():
            out[chunk] = weights @ self.v[chunk[:2]]
        heads = out.transpose(1, 2)  # (windows, L, M, D)
        tokens = self._from_windows(heads.flatten(2), self.q_grid, self.attn.window_q)
        return self.attn.proj(tokens + self.added)

    def pull(self, rows: Tensor) -> Tensor:
        """Times the attention matrix, the mean over the heads.

        Keys that fill up a window are no tokens. Their values are zeros, so that they add nothing
        to the output; they are left out, and the rows of the matrix sum to 1 over the others.

        Args:
            rows (Tensor): Row vectors over the queries, (R, N_q).

        Returns:
            Tensor: Row vectors over the keys, (R, N_k).
        """
        return self.pull_heads(rows).mean(dim=1)

    def pull_heads(self, rows: Tensor) -> Tensor:
        """As :meth:`pull`, each head on its own: (R, M, N_k)."""
        return self._product(rows, lambda weights, _: weights)

    def pull_relevance(self, rows: Tensor, grad: Tensor) -> Tensor:
        """Times attention * its gradient, the mean over the heads.

        Args:
            rows (Tensor): Row vectors over the queries, (R, N_q).
            grad (Tensor): Gradient of the score to what the heads return, (1, N_q, M * D).

        Returns:
            Tensor: Row vectors over the keys, (R, N_k).
        """
        grads = self._to_windows(grad, self.q_grid, self.attn.window_q)
        grads = grads.unflatten(2, (self.attn.num_heads, -1)).transpose(1, 2)
        values = self.v.contiguous().transpose(-2, -1)

        def speak_for(weights, chunk):
            return matmul(grads[chunk], values[chunk[:2]]).mul_(weights)

        return self._product(rows, speak_for, normed=False).mean(dim=1)

    def _product(self, rows, change, normed=True) -> Tensor:
        parts = self._to_windows(rows.t()[None], self.q_grid, self.attn.window_q)  # (W, L, R)
        parts = parts.transpose(1, 2)[:, None]
        out = rows.new_zeros(len(self.q), self.attn.num_heads, rows.shape[0], self.k.shape[2])
        is_padded = bool((self._real == 0).any())
        for chunk, weights in self._chunks():
            samples, heads, queries = chunk
            part = parts[samples, ..., queries]
            if not part.any():
                continue
            weights = change(weights, chunk)
            if is_padded:
                weights = weights * self._real[samples, None, None]
            if is_padded and normed:
                weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-12)
            out[samples, heads] += part @ weights
        # (W, M, R, L) -> (W, L, M * R) -> (1, N_k, M * R)
        out = out.permute(0, 3, 1, 2).flatten(2)
        out = self._from_windows(out, self.k_grid, self.attn.window_kv)
        return out[0].unflatten(1, (self.attn.num_heads, -1)).permute(2, 1, 0)

    def _to_windows(self, tokens: Tensor, grid: Sequence[int],
                    window: Optional[Sequence[int]]) -> Tensor:
        """Tokens (1, N, C) -> (windows, L, C); (1, N) is (1, N, 1)."""
        tokens = tokens[..., None] if tokens.dim() == 2 else tokens
        if window is None:
            return tokens
        return split_windows(tokens.unflatten(1, tuple(grid)), window).flatten(1, -2)

    def _from_windows(self, tokens: Tensor, grid: Sequence[int],
                      window: Optional[Sequence[int]]) -> Tensor:
        """Undo :meth:`_to_windows`."""
        if window is None:
            return tokens
        return merge_windows(tokens.unflatten(1, tuple(window)), grid).flatten(1, -2)
