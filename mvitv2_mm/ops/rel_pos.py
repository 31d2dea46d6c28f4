"""Decomposed relative position embeddings of MViTv2, for any number of axes.

Source: MViTv2 paper, section 4.1 and equations 3-4; SlowFast ``slowfast/models/attention.py``
(``cal_rel_pos_spatial``, ``cal_rel_pos_temporal``). One loop over the axes replaces the
paragraph per axis found there.
"""
from typing import List, Sequence, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from .caching import cache_index
from .tracing import is_exporting


def _max(a: Union[int, float], b: Union[int, float]) -> Union[int, float]:
    """The larger one; a comparison would fix the sizes that ``torch.export`` keeps open."""
    return max(a, b) if type(a) in (int, float) else torch.sym_max(a, b)


@cache_index
def rel_pos_index(q_size: int, k_size: int, device: str = 'cpu') -> Tensor:
    """Row of the relative position table for every (query, key) pair of one axis.

    The shorter axis is stretched to the longer one. Order and precision of the arithmetic (float32,
    products, difference, constant, truncation) are the official ones whatever the default dtype:
    where the ratio is not a power of two, any other order picks other rows.

    Args:
        q_size (int): Number of query positions on this axis.
        k_size (int): Number of key positions on this axis.
        device (str): Device of the result. Defaults to 'cpu'.

    Returns:
        Tensor: int64 of shape (q_size, k_size), values in ``[0, 2 * max(q_size, k_size) - 2]``.
    """
    q_ratio, k_ratio = _max(k_size / q_size, 1.0), _max(q_size / k_size, 1.0)
    q_pos = torch.arange(q_size, dtype=torch.float32, device=device)[:, None] * q_ratio
    k_pos = torch.arange(k_size, dtype=torch.float32, device=device)[None, :] * k_ratio
    return ((q_pos - k_pos) + (k_size - 1) * k_ratio).long()


def resize_rel_pos(rel_pos: Tensor, length: int) -> Tensor:
    """Resize a relative position table by linear interpolation with half-pixel centres.

    Args:
        rel_pos (Tensor): Table of shape (L, D).
        length (int): Wanted number of rows.

    Returns:
        Tensor: Table of shape (length, D); the input itself if it has that length already.
    """
    # Interpolating to the same length changes nothing, so an open length needs no case of its own.
    if type(length) is int and rel_pos.shape[0] == length:
        return rel_pos
    # (L, D) -> (1, D, L) -> (length, D)
    return F.interpolate(rel_pos.t()[None], size=length, mode='linear')[0].t()


def rel_pos_terms(q: Tensor, tables: Sequence[Tensor], q_grid: Sequence[int],
                  k_grid: Sequence[int]) -> List[Tensor]:
    """Dot products of every query with the position embeddings of every key row, per axis.

    Args:
        q (Tensor): Pooled, *unscaled* queries of shape (B, M, *q_grid, D).
        tables (Sequence[Tensor]): One table (L, D) per axis; resized if ``L`` does not fit.
        q_grid (Sequence[int]): Query grid, one int per axis.
        k_grid (Sequence[int]): Key grid.

    Returns:
        list[Tensor]: Per axis ``a`` a tensor (B, M, *q_grid, k_grid[a]). The bias of query
        (i, j) and key (k, l) of an image is ``terms[0][..., i, j, k] + terms[1][..., i, j, l]``.
    """
    axes = 'xyz'[:len(k_grid)]
    terms = []
    for axis, (table, q_size, k_size) in enumerate(zip(tables, q_grid, k_grid)):
        table = resize_rel_pos(table, 2 * _max(q_size, k_size) - 1)
        rows = table[rel_pos_index(q_size, k_size, str(q.device))]  # (q_size, k_size, D)
        if is_exporting():
            terms.append(_product_along(axis, q, rows))
        else:
            # e.g. rows of an image: (B, M, H, W, D), (H, K, D) -> (B, M, H, W, K)
            terms.append(torch.einsum(f'bm{axes}d,{axes[axis]}kd->bm{axes}k', q, rows))
    return terms


def _product_along(axis: int, q: Tensor, rows: Tensor) -> Tensor:
    """The same as a product of matrices: programs that run exported files are slow at einsum."""
    q = q.movedim(2 + axis, 2)
    terms = q.flatten(3, -2) @ rows.transpose(1, 2)
    return terms.unflatten(3, q.shape[3:-1]).movedim(2, 2 + axis)
