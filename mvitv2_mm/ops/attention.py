"""Attention with decomposed relative positions: one signature, a fused and a plain path."""
from contextlib import contextmanager
from typing import Iterator, List, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .rel_pos import rel_pos_terms

ATTENTION_PATHS = ('fused', 'reference')
_path = 'fused'


def get_attention_path() -> str:
    """Name of the path that :func:`pooling_attention` takes, see :func:`attention_path`."""
    return _path


@contextmanager
def attention_path(name: str) -> Iterator[None]:
    """Choose how attention is computed inside a ``with`` block; both ways give the same numbers.

    Args:
        name (str): 'fused' (the default) or 'reference', the plain formulation of the paper, which
            writes the whole attention matrix: for comparison, counting and export.

    Raises:
        ValueError: If there is no such path.
    """
    global _path
    if name not in ATTENTION_PATHS:
        raise ValueError(f'the attention path should be one of {ATTENTION_PATHS}, but got {name!r}')
    before, _path = _path, name
    try:
        yield
    finally:
        _path = before


def _split_extra(q: Tensor, q_grid: Sequence[int]):
    """Number of extra tokens in (B, M, E + L, D) and the grid queries as (B, M, *q_grid, D)."""
    num_extra = q.shape[2] - torch.Size(q_grid).numel()
    return num_extra, q[:, :, num_extra:].unflatten(2, tuple(q_grid))


def reference_pooling_attention(q: Tensor, k: Tensor, v: Tensor, q_grid: Sequence[int],
                                k_grid: Sequence[int], rel_pos: Optional[Sequence[Tensor]]):
    """The 'reference' path of :func:`pooling_attention`: writes the N_q x N_k matrix."""
    logits = (q * q.shape[-1]**-0.5) @ k.transpose(-2, -1)
    if rel_pos is not None:
        num_extra, q_map = _split_extra(q, q_grid)
        ndim, bias = len(q_grid), 0
        for axis, term in enumerate(rel_pos_terms(q_map, rel_pos, k_grid)):
            # (B, M, *q_grid, K_axis) -> (B, M, *q_grid, 1, .., K_axis, .., 1)
            shape = [k_grid[axis] if a == axis else 1 for a in range(ndim)]
            bias = bias + term.unflatten(-1, shape)
        bias = bias.flatten(2 + ndim).flatten(2, 1 + ndim)
        logits = logits + F.pad(bias, (num_extra, 0, num_extra, 0))
    return logits.softmax(dim=-1) @ v


def _key_codes(k: Tensor, k_grid: Sequence[int]) -> Tensor:
    """One-hot position of every key per axis: (E + prod(k_grid), sum(k_grid)), zero for extras."""
    codes: List[Tensor] = []
    for axis, size in enumerate(k_grid):
        eye = torch.eye(size, dtype=k.dtype, device=k.device)
        shape = [size if a == axis else 1 for a in range(len(k_grid))]
        codes.append(eye.view(*shape, size).expand(*k_grid, size))
    code = torch.cat(codes, dim=-1).flatten(0, -2)
    return F.pad(code, (0, 0, k.shape[2] - code.shape[0], 0))


def pooling_attention(q: Tensor, k: Tensor, v: Tensor, q_grid: Sequence[int], k_grid: Sequence[int],
                      rel_pos: Optional[Sequence[Tensor]]) -> Tensor:
    """Softmax attention with decomposed relative position bias, without an N_q x N_k matrix.

    The bias of a query and a key is a sum over the axes of ``q . R_axis[query, key]``. It is a dot
    product in disguise: append ``q . R_axis[query, :]`` to the query and the one-hot position on
    that axis to the key. Any fused scaled-dot-product kernel then gives the exact result, forward
    and backward, in memory linear in the number of queries.

    Args:
        q (Tensor): Pooled and normed queries, unscaled, (B, M, E + prod(q_grid), D). The first E
            tokens (class token) take part in attention but get no position bias.
        k (Tensor): Keys (B, M, E + prod(k_grid), D).
        v (Tensor): Values, same shape as ``k``.
        q_grid (Sequence[int]): Query grid, (H, W) or (T, H, W).
        k_grid (Sequence[int]): Key grid.
        rel_pos (Sequence[Tensor] | None): One table (L, D) per axis, resized if ``L`` does not fit
            the grids. None: no position bias.

    Returns:
        Tensor: Shape (B, M, E + prod(q_grid), D).

    Source: MViTv2 paper, equations 3-4; SlowFast ``models/attention.py``. The logits use the
    scaled, the bias the unscaled query, as the official code does.
    """
    if _path == 'reference':
        return reference_pooling_attention(q, k, v, q_grid, k_grid, rel_pos)
    dim, scale = q.shape[-1], q.shape[-1]**-0.5
    if rel_pos is None:
        return F.scaled_dot_product_attention(q, k, v)
    num_extra, q_map = _split_extra(q, q_grid)
    terms = torch.cat(rel_pos_terms(q_map, rel_pos, k_grid), dim=-1).flatten(2, 1 + len(q_grid))
    terms = F.pad(terms, (0, 0, num_extra, 0))
    # Fused kernels want equal head dims for q, k and v, some of them a multiple of 8.
    pad = -(dim + terms.shape[-1]) % 8
    code = _key_codes(k, k_grid).expand(*k.shape[:2], -1, -1)
    q = F.pad(torch.cat([(q * scale).to(terms.dtype), terms], dim=-1), (0, pad))
    k = F.pad(torch.cat([k, code], dim=-1), (0, pad)).to(q.dtype)
    v = F.pad(v, (0, q.shape[-1] - dim)).to(q.dtype)
    return F.scaled_dot_product_attention(q, k, v, scale=1.0)[..., :dim]
