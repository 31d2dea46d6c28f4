"""Attention with decomposed relative positions: one signature, fast paths and a plain one."""
import math
from typing import Iterator, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .double_backward import differentiable_grads, leaves_to_autograd
from .memory import CHUNK_ELEMENTS, autocast_dtype, recompute
from .products import matmul, uses_onednn
from .rel_pos import rel_pos_terms
from .tracing import is_traced, is_transformed

KERNELS = ('sdpa', 'chunked', 'reference')


def _split_extra(q: Tensor, q_grid: Sequence[int]):
    """Number of extra tokens in (B, M, E + L, D) and the grid queries as (B, M, *q_grid, D)."""
    num_extra = q.shape[2] - math.prod(q_grid)
    return num_extra, q[:, :, num_extra:].unflatten(2, tuple(q_grid))


def reference_pooling_attention(q: Tensor, k: Tensor, v: Tensor, q_grid: Sequence[int],
                                k_grid: Sequence[int], rel_pos: Optional[Sequence[Tensor]]):
    """The kernel 'reference' of :func:`pooling_attention`: writes the N_q x N_k matrix."""
    logits = (q * q.shape[-1]**-0.5) @ k.transpose(-2, -1)
    if rel_pos is not None:
        num_extra, q_map = _split_extra(q, q_grid)
        ndim, bias = len(q_grid), 0
        for axis, term in enumerate(rel_pos_terms(q_map, rel_pos, q_grid, k_grid)):
            # (B, M, *q_grid, K_axis) -> (B, M, *q_grid, 1, .., K_axis, .., 1)
            shape = [k_grid[axis] if a == axis else 1 for a in range(ndim)]
            bias = bias + term.unflatten(-1, shape)
        bias = bias.flatten(2 + ndim).flatten(2, 1 + ndim)
        logits = logits + F.pad(bias, (num_extra, 0, num_extra, 0))
    return logits.softmax(dim=-1) @ v


def _bias_terms(q: Tensor, q_grid: Sequence[int], k_grid: Sequence[int],
                rel_pos: Sequence[Tensor]) -> Tensor:
    """What the queries get appended: (B, M, N_q, sum(k_grid)), zero for extra tokens."""
    num_extra, q_map = _split_extra(q, q_grid)
    terms = torch.cat(
        rel_pos_terms(q_map, rel_pos, q_grid, k_grid), dim=-1).flatten(2, 1 + len(q_grid))
    return F.pad(terms, (0, 0, num_extra, 0)) if num_extra else terms


def _key_codes(k: Tensor, k_grid: Sequence[int]) -> Tensor:
    """What keys (B, M, N_k, D) get appended: their one-hot position per axis, zero for extras."""
    codes: List[Tensor] = []
    for axis, size in enumerate(k_grid):
        eye = torch.eye(size, dtype=k.dtype, device=k.device)
        shape = [size if a == axis else 1 for a in range(len(k_grid))]
        codes.append(eye.view(*shape, size).expand(*k_grid, size))
    code = torch.cat(codes, dim=-1).flatten(0, -2)
    code = F.pad(code, (0, 0, k.shape[2] - code.shape[0], 0))
    return code.expand(*k.shape[:2], -1, -1)


def _fold_queries(q: Tensor, terms: Tensor) -> Tensor:
    """Queries whose dot products with the folded keys are the logits."""
    return torch.cat([q.to(terms.dtype), terms], dim=-1)


def _fold_keys(k: Tensor, code: Tensor) -> Tensor:
    return torch.cat([(k * k.shape[-1]**-0.5).to(code.dtype), code], dim=-1)


def _sdpa_attention(q: Tensor, terms: Tensor, k: Tensor, code: Tensor, v: Tensor) -> Tensor:
    """The kernel 'sdpa': PyTorch's fused kernel for the device, on folded queries and keys."""
    dim, folded = q.shape[-1], q.shape[-1] + terms.shape[-1]
    # Fused kernels want equal head dims for q, k and v, some of them a multiple of 8. Of sizes that
    # torch.export keeps open, the remainder would not stay open.
    pad = (0, -folded % 8 if type(folded) is int else 0)
    q, k = _fold_queries(q, F.pad(terms, pad)), _fold_keys(k, F.pad(code, pad))
    v = F.pad(v, (0, q.shape[-1] - dim)).to(q.dtype)
    return F.scaled_dot_product_attention(q, k, v, scale=1.0)[..., :dim]


def _chunks(
        q: Tensor,
        k: Tensor,
        code: Tensor,
        v: Tensor,
        by_head: bool = False) -> Iterator[Tuple[Tuple[slice, slice], Tensor, Tensor, List[tuple]]]:
    """Samples and heads that go together, their folded keys, values and indices of their queries.

    Each index is one of a chunk of CHUNK_ELEMENTS logits.
    """
    batch, num_heads, length = q.shape[:3]
    heads = 1 if by_head else num_heads
    group = 1 if by_head else max(1, CHUNK_ELEMENTS // (num_heads * k.shape[2] * length))
    size = max(1, CHUNK_ELEMENTS // (k.shape[2] * heads * group))
    for start in range(0, batch, group):
        samples = slice(start, start + group)
        keys, values = _fold_keys(k[samples], code[samples]), v[samples]
        for head in range(0, num_heads, heads):
            part = samples, slice(head, head + heads)
            chunks = [(*part, slice(i, i + size)) for i in range(0, length, size)]
            yield (part, keys[:, part[1]], values[:, part[1]].to(keys).contiguous(), chunks)


def _by_head(q: Tensor, k: Tensor) -> bool:
    """Whether matrices are large enough for a library that takes one at a time."""
    return uses_onednn(q, q.shape[2] * k.shape[2] * q.shape[3])


def _weights(q: Tensor, k: Tensor) -> Tensor:
    return matmul(q, k.transpose(-2, -1)).softmax(dim=-1, dtype=q.dtype)


def _chunked_attention(q: Tensor, terms: Tensor, k: Tensor, code: Tensor, v: Tensor) -> Tensor:
    """The kernel 'chunked': matrix products on as many queries as a CPU's cache has room for.

    PyTorch's fused CPU kernel needs more memory and, in bfloat16, more time.
    """
    # Tokens before heads, as the projection after attention reads them.
    out = terms.new_empty(q.transpose(1, 2).shape).transpose(1, 2)
    for _, keys, values, chunks in _chunks(q, k, code, v, _by_head(q, k)):
        for chunk in chunks:
            queries = _fold_queries(q[chunk], terms[chunk])
            out[chunk] = matmul(_weights(queries, keys), values)
    return out


def _transposed_product(weights: Tensor, b: Tensor) -> Tensor:
    """``weights.transpose(-2, -1) @ b``, so that a copy is of ``b``, which is smaller."""
    return matmul(b.transpose(-2, -1), weights).transpose(-2, -1)


class _ChunkedAttention(torch.autograd.Function):
    """:func:`_chunked_attention` with a backward in the same chunks, which keeps no weights.

    Autograd would copy the gradients of every chunk.
    """

    @staticmethod
    def forward(ctx, *inputs: Tensor) -> Tensor:
        ctx.save_for_backward(*inputs)
        return _chunked_attention(*inputs)

    @staticmethod
    def backward(ctx, dout: Tensor):
        if leaves_to_autograd():
            return differentiable_grads(_chunked_attention, ctx, dout)
        q, terms, k, code, v = ctx.saved_tensors
        dim, total = q.shape[-1], torch.promote_types(terms.dtype, torch.float32)
        dq, dterms, dk, dv = (torch.empty_like(x) for x in (q, terms, k, v))
        for part, keys, values, chunks in _chunks(q, k, code, v, _by_head(q, k)):
            dkeys, dvalues = (torch.zeros_like(x, dtype=total) for x in (keys, values))
            for chunk in chunks:
                queries = _fold_queries(q[chunk], terms[chunk])
                weights, dchunk = _weights(queries, keys), dout[chunk]
                dvalues += _transposed_product(weights, dchunk)
                dweights = matmul(dchunk, values.transpose(-2, -1))
                dlogits = torch._softmax_backward_data(dweights, weights, -1, weights.dtype)
                dkeys += _transposed_product(dlogits, queries)
                dqueries = matmul(dlogits, keys)
                dq[chunk], dterms[chunk] = dqueries[..., :dim], dqueries[..., dim:]
            dk[part], dv[part] = dkeys[..., :dim] * dim**-0.5, dvalues
        return dq, dterms, dk, None, dv


def _default_kernel(q: Tensor) -> str:
    if is_transformed() or torch.jit.is_tracing():
        return 'reference'
    is_recorded = torch.compiler.is_compiling() or is_traced()
    return 'chunked' if q.device.type == 'cpu' and not is_recorded else 'sdpa'


def pooling_attention(q: Tensor,
                      k: Tensor,
                      v: Tensor,
                      q_grid: Sequence[int],
                      k_grid: Sequence[int],
                      rel_pos: Optional[Sequence[Tensor]],
                      kernel: Optional[str] = None,
                      keeps_less: bool = True) -> Tensor:
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
        kernel (str, optional): 'sdpa' is the fused kernel that PyTorch picks for the device.
            'chunked' takes matrix products on a cache-sized chunk of queries at a time.
            'reference' is the formula of the paper, and writes the whole matrix. Defaults to None:
            'chunked' on a CPU, 'sdpa' elsewhere and where a graph is compiled or exported, and
            'reference' under the transforms of ``torch.func``, for which fused kernels have no
            rules, and in ``torch.jit.trace``, so that the batch stays open in its ONNX files.
        keeps_less (bool): Compute the position bias again in the backward pass instead of keeping
            copies of the queries for it. Defaults to True.

    Returns:
        Tensor: Shape (B, M, E + prod(q_grid), D).

    Source: MViTv2 paper, equations 3-4; SlowFast ``models/attention.py``. The logits use the
    scaled, the bias the unscaled query, as the official code does.
    """
    kernel = kernel or _default_kernel(q)
    if kernel == 'reference':
        return reference_pooling_attention(q, k, v, q_grid, k_grid, rel_pos)
    if rel_pos is None:
        terms, code = q[..., :0].to(autocast_dtype(q)), k[..., :0]
    else:
        terms = recompute(_bias_terms, q, q_grid, k_grid, rel_pos, enabled=keeps_less)
        code = _key_codes(k, k_grid)
    if kernel == 'sdpa':
        attention = _sdpa_attention
    else:
        is_plain = not torch.is_grad_enabled() or is_traced()
        attention = _chunked_attention if is_plain else _ChunkedAttention.apply
    return attention(q, terms, k, code.to(terms.dtype), v)


def attention_weights(q: Tensor, k: Tensor, q_grid: Sequence[int], k_grid: Sequence[int],
                      rel_pos: Optional[Sequence[Tensor]]) -> Iterator[Tuple[tuple, Tensor]]:
    """The weights of :func:`pooling_attention`, a chunk of queries at a time.

    Args:
        q (Tensor): Queries, see :func:`pooling_attention`.
        k (Tensor): Keys.
        q_grid (Sequence[int]): Query grid.
        k_grid (Sequence[int]): Key grid.
        rel_pos (Sequence[Tensor] | None): One table per axis.

    Yields:
        tuple[tuple, Tensor]: Index of samples, heads and queries, and the weights (b, m, n, N_k) of
        these, whose rows sum to 1.
    """
    if rel_pos is None:
        terms, code = q[..., :0], k[..., :0]
    else:
        terms, code = _bias_terms(q, q_grid, k_grid, rel_pos), _key_codes(k, k_grid)
    for _, keys, _, chunks in _chunks(q, k, code, k, _by_head(q, k)):
        for chunk in chunks:
            yield chunk, _weights(_fold_queries(q[chunk], terms[chunk]), keys)
