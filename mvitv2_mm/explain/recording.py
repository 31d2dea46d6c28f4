"""What goes through the blocks of a backbone while a model runs."""
import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..backbones.mvitv2 import MViTv2
from ..layers.lean import project
from ..layers.pooling import pool_tokens
from ..ops import channels_last, linear, pooled_grid


@dataclass
class BlockRecord:
    """What went through a block for one input.

    Attributes:
        block (nn.Module): The block.
        tokens (Tensor): What it read, (1, E + prod(grid), C).
        grid (tuple[int]): Its grid.
        pooled (tuple[Tensor]): Queries, keys and values of its attention, each (1, M, N', D).
        heads (Tensor): What the heads of its attention returned, (1, N_q, M * D).
        tokens_grad (Tensor, optional): Gradient of a score to ``tokens``.
        heads_grad (Tensor, optional): Gradient of a score to ``heads``.
    """
    block: nn.Module
    tokens: Tensor
    grid: Tuple[int, ...]
    pooled: Tuple[Tensor, ...] = ()
    heads: Optional[Tensor] = None
    tokens_grad: Optional[Tensor] = None
    heads_grad: Optional[Tensor] = None

    @property
    def out_grid(self) -> Tuple[int, ...]:
        """Grid that the block returns."""
        return pooled_grid(self.grid, self.block.attn.stride_q)

    @property
    def num_extra_tokens(self) -> int:
        """Tokens before those of the grid."""
        return self.tokens.shape[1] - math.prod(self.grid)

    @property
    def added_queries(self) -> Tensor:
        """What residual pooling adds to the heads, (1, N_q, M * D)."""
        added, attn = self.pooled[0].transpose(1, 2).flatten(2), self.block.attn
        extra = attn.num_extra_tokens if attn.residual_pooling else added.shape[1]
        return F.pad(added[:, extra:], (0, 0, extra, 0))

    @cached_property
    def skip_tokens(self) -> Tensor:
        """Tokens that the skip path pools, (1, E + prod(grid), C)."""
        if not self.block.widens_in_attention:
            return self.tokens
        return project(self.block.proj, self.block.norm1(self.tokens))

    @cached_property
    def shares(self) -> Tensor:
        """Shares of attention, skip path and queries in what the block returns, (3, N_q)."""
        block, skipped, queries = self.block, self.skip_tokens, self.added_queries
        parts = torch.cat([self.heads - queries, queries])
        attended, queried = linear(parts, block.attn.proj.weight, None).norm(dim=-1)
        if block.pool_skip is not None:
            skipped = pool_tokens(skipped, self.grid,
                                  lambda feat: channels_last(block.pool_skip, feat, len(self.grid)),
                                  self.num_extra_tokens)
        lengths = torch.stack([attended, skipped[0].norm(dim=-1), queried])
        lengths = lengths.clamp(min=1e-30)
        return lengths / lengths.sum(dim=0)


@dataclass
class Recording:
    """What went through a backbone.

    Attributes:
        blocks (list[BlockRecord]): The blocks, in their order.
        outputs (dict[int, Tensor]): What left the norms of the scales, by the numbers of the blocks
            before them: tokens (1, E + prod(grid), C), or (1, C) where they were pooled.
        output_grads (dict[int, Tensor]): Gradients of a score to these.
    """
    blocks: List[BlockRecord] = field(default_factory=list)
    outputs: Dict[int, Tensor] = field(default_factory=dict)
    output_grads: Dict[int, Tensor] = field(default_factory=dict)

    def differentiate_heads(self, score: Tensor) -> None:
        """Fill in the gradients of a score to ``heads`` and ``outputs``.

        To be called while the recording goes on, as the others.
        """
        heads = [record.heads for record in self.blocks]
        for record, grad in zip(self.blocks, self._differentiate(score, heads)):
            record.heads_grad = grad

    def differentiate_stages(self, score: Tensor) -> None:
        """As :meth:`differentiate_heads`, to ``tokens`` of the blocks that begin a stage."""
        first = [record for record in self.blocks if record.block.pool_skip is not None]
        tokens = [record.tokens for record in first]
        for record, grad in zip(first, self._differentiate(score, tokens)):
            record.tokens_grad = grad

    def differentiate_outputs(self, score: Tensor) -> None:
        """Fill in the gradients of a score to ``outputs`` alone."""
        self._differentiate(score, [])

    def _differentiate(self, score: Tensor, tensors: Sequence[Tensor]) -> List[Tensor]:
        """Gradients to some tensors; fills in those to ``outputs``."""
        found = [*self.outputs.values(), *tensors]
        grads = torch.autograd.grad(score, found, allow_unused=True)
        # None is no part in the score
        grads = [torch.zeros_like(x) if grad is None else grad for x, grad in zip(found, grads)]
        self.output_grads = dict(zip(self.outputs, grads))
        return grads[len(self.outputs):]


def find_backbone(model: nn.Module) -> MViTv2:
    """The MViTv2 in a model.

    Raises:
        ValueError: If it has none.
    """
    found = [module for module in model.modules() if isinstance(module, MViTv2)]
    if not found:
        raise ValueError(
            f'{type(model).__name__} has no MViTv2, whose attention could be explained')
    return found[0]


@contextmanager
def recording(model: nn.Module, gradients: bool = False) -> Iterator[Recording]:
    """Record what goes through the backbone of a model, which then is to run once, on one input.

    Args:
        model (nn.Module): The model, in eval mode.
        gradients (bool): Keep what gradients are computed from; parameters get none. Defaults to
            False.
    """
    backbone, record = find_backbone(model), Recording()
    hooks = [
        block.register_forward_pre_hook(_block_reader(record, gradients))
        for block in backbone.blocks
    ]
    hooks += [
        getattr(backbone, f'norm{scale}').register_forward_hook(_output_reader(record))
        for scale in backbone.out_scales
    ]
    trained = [param for param in model.parameters() if param.requires_grad]
    lean = [part for part in backbone.modules() if getattr(part, 'keeps_less', False)]
    try:
        for param in trained:
            param.requires_grad_(False)
        for part in lean:
            part.keeps_less = False  # one input has room, and to compute nothing twice is quicker
        for block in backbone.blocks:
            # no hooks: products in front of which one waits are not computed in the quick way
            block.attn.pool_heads = _pooled_reader(record, block.attn.pool_heads)
            block.attn.merge_heads = _heads_reader(record, block.attn.merge_heads)
        with torch.set_grad_enabled(gradients):
            yield record
    finally:
        for hook in hooks:
            hook.remove()
        for block in backbone.blocks:
            del block.attn.pool_heads, block.attn.merge_heads  # the methods are there again
        for param in trained:
            param.requires_grad_(True)
        for part in lean:
            part.keeps_less = True


def _block_reader(record: Recording, gradients: bool):

    def read(block: nn.Module, args: tuple) -> tuple:
        tokens, grid = args
        if gradients and not record.blocks:  # the graph begins here
            tokens = tokens.detach().requires_grad_()
        record.blocks.append(BlockRecord(block, tokens, tuple(grid)))
        return tokens, grid

    return read


def _heads_reader(record: Recording, merge_heads: Callable):

    def read(heads: Tensor) -> Tensor:
        record.blocks[-1].heads = merge_heads(heads)
        return record.blocks[-1].heads

    return read


def _pooled_reader(record: Recording, pool_heads: Callable):

    def read(tokens: Tensor, grid: Tuple[int, ...]) -> Tuple[Tensor, ...]:
        record.blocks[-1].pooled = pool_heads(tokens, grid)
        return record.blocks[-1].pooled

    return read


def _output_reader(record: Recording):

    def read(_: nn.Module, args: tuple, output: Tensor) -> None:
        record.outputs[len(record.blocks) - 1] = output

    return read
