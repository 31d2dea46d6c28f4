"""Heat maps of one input, over the tokens of the first block."""
import math
from typing import Dict, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .recording import Recording, find_backbone, recording
from .rollout import relevance, rollout
from .targets import Target

METHODS = ('relevance', 'rollout', 'cam')
#: what a map is divided by counts as this share of its mean at least
_LEAST = 0.1


def heat_map(model: nn.Module, target: Target, method: str = 'relevance') -> Tensor:
    """Where a model looks in an input.

    Relevance and rollout are set against what a network that has learnt nothing would show as well:
    relevance of a whole input against what the grids alone bring, that of an object against what
    speaks against the score, and attention against that of queries that look for the opposite.

    Args:
        model (nn.Module): The model.
        target (Target): The input and what is explained.
        method (str): 'relevance' follows gradient-weighted attention back from a score. 'rollout'
            follows attention alone, whatever the class; that of an object starts with what each
            token adds to its score. 'cam' sums what the channels of the tokens between stages add
            to the score. Defaults to 'relevance'.

    Each frame of a clip is divided by what its place in time gets where the middle frame stands
    still.

    Returns:
        Tensor: Non-negative, on the grid of the first block, (H, W) or (T, H, W); sums to 1, or to
        0 where nothing speaks for the score.
    """
    heat = _heat_of(model, target, method, target.inputs)
    if heat.dim() == 3:
        still = _heat_of(model, target, method, _still(target.inputs)).sum(dim=(1, 2))
        heat = heat / (still / still.mean().clamp(min=1e-30)).clamp(min=_LEAST)[:, None, None]
    return _normed(heat)


def _still(clips: Tensor) -> Tensor:
    """Clips (n, C, T, H, W) of which all frames are the middle one."""
    middle = clips.shape[2] // 2
    return clips[:, :, middle:middle + 1].expand_as(clips).contiguous()


def _heat_of(model: nn.Module, target: Target, method: str, inputs: Tensor) -> Tensor:
    is_object = target.box is not None
    with recording(model, gradients=method != 'rollout' or is_object) as record:
        score = target.score(inputs)
        if method == 'relevance':
            record.differentiate_heads(score)
        elif method == 'cam':
            record.differentiate_stages(score)
        elif is_object:
            record.differentiate_outputs(score)
    with torch.no_grad():
        if method == 'cam':
            return _class_activation(record, is_object)
        if method == 'relevance':
            row = _relevance_of(record, _contributions(model, record), is_object)
        elif is_object:
            row = rollout(record.blocks, _contributions(model, record))[0]
        else:
            row = _rollout_of(model, record)
        return _normed(_as_map(row, record.blocks[0].grid))


def _relevance_of(record: Recording, starts: Dict[int, Tensor], is_object: bool) -> Tensor:
    """Of a whole input what speaks for the score, over what grids alone would bring there.

    Of an object what speaks for the score, times its share in what speaks for or against it. There
    what no attention moves is a part of the answer; of a whole input it would be a veil.
    """
    attended, kept = relevance(record.blocks, starts)
    if not is_object:
        found, _, even = (_as_map(row, record.blocks[0].grid) for row in attended)
        return (found / even.clamp(min=max(_LEAST * float(even.mean()), 1e-30))).flatten()
    arrived = attended[:2] + torch.cat([kept, -kept]).clamp(min=0)
    return arrived[0].square() / arrived.sum(dim=0).clamp(min=1e-30)


def _rollout_of(model: nn.Module, record: Recording) -> Tensor:
    """Shares of the rollout over those that attention to the opposite would give.

    What follows from the grids alone is in both: keys with a stride larger than their kernel leave
    tokens out. Any weights leave most of the quotients near 1. Of a picture what they have above 1
    is the map; of a clip all of them, which are compared with those of a still one.
    """
    last = max(record.outputs)
    starts = {last: _pooled_rows(model, record, last)}
    shares, mirrored = (rollout(record.blocks, starts, mirrored=way)[0] for way in (False, True))
    found = shares / mirrored.clamp(min=1e-30)
    return found if len(record.blocks[0].grid) == 3 else (found - 1).clamp(min=0)


def _contributions(model: nn.Module, record: Recording) -> Dict[int, Tensor]:
    """Rows of the relevance to start from: what each token that leaves adds to the score."""
    rows = {}
    for index, grad in record.output_grads.items():
        if grad.dim() == 2 or _reads_class_token(model):
            rows[index] = _pooled_rows(model, record, index)
        else:
            rows[index] = (grad * record.outputs[index]).sum(dim=-1)
    total = sum(row.abs().sum() for row in rows.values())
    return {index: row / total.clamp(min=1e-30) for index, row in rows.items()}


def _reads_class_token(model: nn.Module) -> bool:
    return 'cls_token' in find_backbone(model).out_type


def _pooled_rows(model: nn.Module, record: Recording, index: int) -> Tensor:
    """The class token where the head reads it, else all tokens of the grid alike."""
    block = record.blocks[index]
    extra, size = block.num_extra_tokens, math.prod(block.out_grid)
    rows = block.tokens.new_zeros(1, extra + size)
    if _reads_class_token(model):
        rows[0, 0] = 1
    else:
        rows[0, extra:] = 1 / size
    return rows


def _class_activation(record: Recording, is_object: bool) -> Tensor:
    """What the channels of the tokens that enter a new stage add to the score, all stages alike.

    Of a whole input positive gradients count, as in LayerCAM (Jiang et al., 2021). Those that leave
    the last stage are not taken: with a class token they have no part in a score, and the grid is
    the coarsest. Of an object all gradients count, as in HiResCAM (Draelos and Carin, 2020), also
    of the tokens that the head reads: the positive ones alone have the shape of the box.
    """
    first, least = record.blocks[0].grid, -math.inf if is_object else 0
    parts = [(block.grid, block.tokens, block.tokens_grad) for block in record.blocks
             if block.tokens_grad is not None]
    if is_object:
        parts += [(record.blocks[index].out_grid, record.outputs[index], grad)
                  for index, grad in record.output_grads.items()]
    maps = []
    for grid, tokens, grad in parts:
        added = (grad.clamp(min=least) * tokens).sum(dim=-1)[0].clamp(min=least)
        found = resize(_as_map(added, grid), first)
        maps.append(found / found.abs().sum().clamp(min=1e-30))
    return _normed(sum(maps))


def _as_map(row: Tensor, grid: Sequence[int]) -> Tensor:
    """A row vector over the tokens as a map, without extra tokens."""
    return row[-math.prod(grid):].unflatten(0, tuple(grid))


def _normed(heat: Tensor) -> Tensor:
    heat = heat.clamp(min=0)
    return heat / heat.sum().clamp(min=1e-30)


def resize(heat: Tensor, size: Sequence[int]) -> Tensor:
    """A map on another grid, by linear interpolation."""
    mode = {2: 'bilinear', 3: 'trilinear'}[heat.dim()]
    return F.interpolate(heat[None, None], size=tuple(size), mode=mode)[0, 0]
