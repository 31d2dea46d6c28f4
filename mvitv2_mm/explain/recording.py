"""What the blocks of a backbone read and return while a model runs."""
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Iterator, List, Optional, Tuple

import torch
from torch import Tensor, nn

from ..backbones.mvitv2 import MViTv2


@dataclass
class BlockRecord:
    """What went through a block for one input.

    Attributes:
        block (nn.Module): The block.
        tokens (Tensor): What it read, (1, E + prod(grid), C).
        grid (tuple[int]): Its grid.
        heads (Tensor, optional): What the heads of its attention returned, (1, N_q, M * D); kept
            where gradients are recorded.
        grad (Tensor, optional): Gradient of the score to ``heads``.
    """
    block: nn.Module
    tokens: Tensor
    grid: Tuple[int, ...]
    heads: Optional[Tensor] = None
    grad: Optional[Tensor] = None


@dataclass
class Recording:
    """All blocks in their order, and the maps that the backbone returned."""
    blocks: List[BlockRecord] = field(default_factory=list)
    maps: List[Tensor] = field(default_factory=list)

    def differentiate(self, score: Tensor) -> List[Tensor]:
        """Fill in the gradients of a score; returns those to the maps, zeros where it has none."""
        heads = [record.heads for record in self.blocks]
        grads = torch.autograd.grad(score, [*heads, *self.maps], allow_unused=True)
        for record, grad in zip(self.blocks, grads):
            record.grad = torch.zeros_like(record.heads) if grad is None else grad
        found = zip(self.maps, grads[len(heads):])
        return [torch.zeros_like(feat) if grad is None else grad for feat, grad in found]


def find_backbone(model: nn.Module) -> MViTv2:
    """The MViTv2 in a model.

    Raises:
        ValueError: If it has none.
    """
    found = [module for module in model.modules() if isinstance(module, MViTv2)]
    if not found:
        raise ValueError(f'{type(model).__name__} has no MViTv2, whose attention could be explained')
    return found[0]


@contextmanager
def recording(backbone: MViTv2, gradients: bool = False) -> Iterator[Recording]:
    """Record what goes through a backbone; the next run of the model is to be of one input.

    Args:
        backbone (MViTv2): The backbone.
        gradients (bool): Also keep what :meth:`Recording.differentiate` needs. Parameters get no
            gradients. Defaults to False.
    """
    record = Recording()
    wanted = [param for param in backbone.parameters() if gradients and param.requires_grad]
    hooks = [block.register_forward_pre_hook(_reader(record, gradients)) for block in backbone.blocks]
    if gradients:
        hooks += [
            block.attn.proj.register_forward_pre_hook(
                lambda _, args: setattr(record.blocks[-1], 'heads', args[0]))
            for block in backbone.blocks
        ]
        hooks.append(backbone.register_forward_hook(lambda _, __, outs: record.maps.extend(outs)))
    try:
        for param in wanted:
            param.requires_grad_(False)
        yield record
    finally:
        for hook in hooks:
            hook.remove()
        for param in wanted:
            param.requires_grad_(True)


def _reader(record: Recording, gradients: bool):

    def read(block: nn.Module, args: tuple) -> tuple:
        tokens, grid = args
        if gradients and not record.blocks:  # the graph begins here
            tokens = tokens.detach().requires_grad_()
        record.blocks.append(BlockRecord(block, tokens.detach(), tuple(grid)))
        return tokens, grid

    return read
