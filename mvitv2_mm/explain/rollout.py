r"""From the output of a backbone back to its first tokens, through all blocks.

**Rollout.** A block computes, up to projections and norms that treat every token alike,

.. code-block:: text

    y = S x + (A V x + Q x)

where :math:`x` are its tokens, A (queries x keys) is the attention, V and Q are the poolings of
values and queries, and S is the pooling of the skip path. Where nothing is pooled, V and S are the
identity, and without residual pooling there is no Q. The share that the tokens before a block have
in those after it is the matrix

.. code-block:: text

    M = a A U + s S + q Q        with a + s + q = 1 for each of the tokens after the block

in which every matrix has rows that sum to 1: A by its softmax; U, S and Q are the poolings as
shares (:mod:`mvitv2_mm.explain.spread`). Products of such matrices have rows that sum to 1 again.
Plain rollout sets a = 1/2. Here a, s and q are measured, as in Kobayashi et al. (2021): the lengths
of the three vectors that are added up for a token, W A V x, S x and W Q x with the projection W
after attention, divided by their sum.
A class token is never pooled: its row of U, S and Q is its own. Windows make A block-diagonal. The
zeros that fill up windows are keys with values of zero; what queries look there adds nothing, and
the rest of a row is normed to 1. Time is one more axis of the grids.

With the blocks 1 .. L, the shares of the first tokens in the last ones are :math:`M_L ... M_1`. A
picture needs one row vector ``g`` times this product, where ``g`` says which of the last tokens
count: the class token, all tokens alike, or those of an object. ``g M_L ... M_1`` is computed from
the left: each step is a product of a row vector, and memory stays linear in the number of tokens.

The mirrored rollout is that of keys with the other sign: what is attended most becomes what is
attended least, while grids, poolings and relative positions stay. For random weights, either sign
is as likely as the other. So what the two do not share has been learnt.

**Relevance.** As in Chefer et al. (2021), attention is weighted by the gradient of a score,
negative parts are dropped, and nothing is normed:

.. code-block:: text

    g <- g P + (g B)+ U          B = mean over the heads of A * d score / d A, P = (S + Q) / 2

That is what speaks for the score; with -B it is what speaks against it. Random weights say both
alike: the score might as well be its opposite.

The negative part is dropped of the sum over the queries, not of each entry of B: which entries are
positive is nearly chance, so that the sum of these is much the same for any weights. It starts
where the norm of a scale gives tokens to the head, with what each adds to the score, its product
with the gradient: before that norm such products are always nearly zero. A class token starts with
1. Attention counts as much of tokens that speak against the score, whose sign is in B already. What
arrives on the path of P alone says no more than where it started, and is returned by itself.

What both signs give to the keys of a block is also followed as if all these keys got the same. What
then arrives is the mark that strides, kernels and borders leave in any map.
"""
import math
from typing import Mapping, Sequence, Tuple

import torch
from torch import Tensor

from .block_attention import BlockAttention
from .recording import BlockRecord
from .spread import spread_conv, spread_max


def rollout(records: Sequence[BlockRecord],
            starts: Mapping[int, Tensor],
            mirrored: bool = False,
            plain: bool = False) -> Tensor:
    """Shares of the first tokens in those that leave the backbone.

    Args:
        records (Sequence[BlockRecord]): The blocks, in their order.
        starts (Mapping[int, Tensor]): Weights of the tokens that leave after blocks, by the numbers
            of these: (R, E + prod(out_grid)).
        mirrored (bool): What would come out if queries looked for the opposite. Defaults to False.
        plain (bool): Count attention and the rest alike, as plain rollout does, instead of by their
            lengths. Defaults to False.

    Returns:
        Tensor: (R, E + prod(grid)) for the tokens that the first block reads; the rows have the
        sums that those of ``starts`` have together.
    """
    rows = 0
    for index in range(max(starts), -1, -1):
        record = records[index]
        rows = rows + starts.get(index, 0)
        shares = _plain_shares(record) if plain else record.shares
        attended, skipped, queried = (rows * share for share in shares)
        attended = BlockAttention(record, mirrored).pull(attended)
        rows = _to_values(record, attended) + _to_skipped(record, skipped)
        if record.block.attn.residual_pooling:
            rows = rows + _to_queries(record, queried)
    return rows


def _plain_shares(record: BlockRecord) -> Tuple[float, ...]:
    return (0.5, 0.25, 0.25) if record.block.attn.residual_pooling else (0.5, 0.5, 0.)


def relevance(records: Sequence[BlockRecord], starts: Mapping[int,
                                                              Tensor]) -> Tuple[Tensor, Tensor]:
    """Relevance of the first tokens for and against the score whose gradients the records hold.

    Args:
        records (Sequence[BlockRecord]): The blocks, in their order.
        starts (Mapping[int, Tensor]): What each token that leaves after a block adds to the score,
            by the number of the block: (1, E + prod(out_grid)).

    Returns:
        tuple[Tensor, Tensor]: What came through the attention of a block at least once, (3, E +
        prod(grid)): what speaks for the score, what speaks against it, and what of both would
        arrive if each block gave it to all keys alike; and what came through none, (1, E +
        prod(grid)), with the signs of ``starts``. Not normed.
    """
    last = records[max(starts)]
    attended = last.tokens.new_zeros(3, last.num_extra_tokens + math.prod(last.out_grid))
    kept = attended[:2]
    signs = attended.new_tensor([[1.], [-1.]])
    for index in range(max(starts), -1, -1):
        record = records[index]
        if index in starts:
            kept = kept + torch.cat([starts[index], starts[index].abs()])
        weights = attended[:2] + kept[1:]  # of tokens that speak against the score, too
        found = signs * BlockAttention(record).pull_relevance(weights, record.heads_grad)
        found = found.clamp(min=0)
        even = found.sum(dim=0, keepdim=True)
        even[:, record.num_extra_tokens:] = even[:, record.num_extra_tokens:].mean()
        attended, kept = _kept(record, torch.cat([attended, kept])).split((3, 2))
        attended = attended + _to_values(record, torch.cat([found, even]))
    return attended, kept[:1]


def _to_values(record: BlockRecord, keys: Tensor) -> Tensor:
    attn = record.block.attn
    return spread_conv(keys, attn.pool_v.weight, record.grid, attn.stride_kv)


def _to_queries(record: BlockRecord, rows: Tensor) -> Tensor:
    attn = record.block.attn
    return spread_conv(rows, attn.pool_q.weight, record.grid, attn.stride_q)


def _to_skipped(record: BlockRecord, rows: Tensor) -> Tensor:
    pool = record.block.pool_skip
    return rows if pool is None else spread_max(rows, record.skip_tokens, pool, record.grid)


def _kept(record: BlockRecord, rows: Tensor) -> Tensor:
    """Times P."""
    kept = _to_skipped(record, rows)
    if record.block.attn.residual_pooling:
        kept = (kept + _to_queries(record, rows)) / 2
    return kept
