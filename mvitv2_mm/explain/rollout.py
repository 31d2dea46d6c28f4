r"""From the output of a backbone back to its first tokens, through all blocks.

**Rollout.** A block computes, up to projections and norms that treat every token alike,

.. code-block:: text

    y = S x + (A V x + Q x)

where :math:`x` are its tokens, A (queries x keys) is the attention, V and Q are the poolings of
values and queries, and S is the pooling of the skip path. Where nothing is pooled, V and S are the
identity, and without residual pooling there is no Q. The share that the tokens before a block have
in those after it is the matrix

.. code-block:: text

    M = a A U + (1 - a) P        with P = (S + Q) / 2, or S without residual pooling, and a = 1/2

in which every matrix has rows that sum to 1: A by its softmax; U, S and Q are the poolings as
shares (:mod:`mvitv2_mm.explain.spread`). Products of such matrices have rows that sum to 1 again.
A class token is never pooled: its row of U, S and Q is its own. Windows make A block-diagonal. The
zeros that fill up windows are keys with values of zero; what queries look there adds nothing, and
the rest of a row is normed to 1. Time is one more axis of the grids.

With the blocks 1 .. L, the shares of the first tokens in the last ones are :math:`M_L ... M_1`. A
picture needs one row vector ``g`` times this product, where ``g`` says which of the last tokens
count: the class token, all tokens alike, or those of an object. ``g M_L ... M_1`` is computed from
the left: each step is a product of a row vector, and memory stays linear in the number of tokens.

**Relevance.** As in Chefer et al. (2021), the attention is weighted by the gradient of a score,
negative parts are dropped, and nothing is normed::

    g <- g (P + B U)      with B = mean over the heads of (A * dscore/dA)+
"""
from typing import Sequence

import torch
from torch import Tensor

from .block_attention import BlockAttention
from .recording import BlockRecord
from .spread import spread_conv, spread_max

#: share of the attention in what a block returns, see above
ATTENTION_SHARE = 0.5


def rollout(records: Sequence[BlockRecord], rows: Tensor) -> Tensor:
    """Shares of the first tokens in the last ones.

    Args:
        records (Sequence[BlockRecord]): The blocks, in their order.
        rows (Tensor): Weights of the tokens that the last block returned, (R, E + prod(grid)).

    Returns:
        Tensor: (R, E + prod(grid)) for the tokens that the first block read; the sum of each row
        is that of ``rows``.
    """
    for record in reversed(records):
        attention = BlockAttention(record.block, record.tokens, record.grid)
        attended = _to_values(record, attention.pull(rows))
        rows = ATTENTION_SHARE * attended + (1 - ATTENTION_SHARE) * _kept(record, rows)
    return rows


def relevance(records: Sequence[BlockRecord], rows: Tensor) -> Tensor:
    """Relevance of the first tokens for the score that the records hold the gradients of.

    Args:
        records (Sequence[BlockRecord]): The blocks, in their order.
        rows (Tensor): Weights of the tokens that the last block returned, (R, E + prod(grid)).

    Returns:
        Tensor: (R, E + prod(grid)), not normed.
    """
    for record in reversed(records):
        attention = BlockAttention(record.block, record.tokens, record.grid)
        attended = _to_values(record, attention.pull_relevance(rows, record.grad))
        rows = _kept(record, rows) + attended
    return rows


def _to_values(record: BlockRecord, keys: Tensor) -> Tensor:
    attn = record.block.attn
    return spread_conv(keys, attn.pool_v.weight, record.grid, attn.stride_kv)


def _kept(record: BlockRecord, rows: Tensor) -> Tensor:
    """Times P."""
    block, attn = record.block, record.block.attn
    kept = rows
    if block.pool_skip is not None:
        tokens = record.tokens
        if block.widens_in_attention:
            tokens = block.proj(block.norm1(tokens))
        kept = spread_max(rows, tokens, block.pool_skip, record.grid)
    if attn.residual_pooling:
        kept = (kept + spread_conv(rows, attn.pool_q.weight, record.grid, attn.stride_q)) / 2
    return kept
