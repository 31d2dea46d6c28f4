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
#: a frame of a still clip counts as having this share of the mean at least
_LEAST = 0.1


def heat_map(model: nn.Module, target: Target, method: str = 'relevance') -> Tensor:
    """Where a model looks in an input.

    Args:
        model (nn.Module): The model.
        target (Target): The input and what is explained.
        method (str): 'relevance' follows gradient-weighted attention back from a score. 'rollout'
            follows attention alone, whatever the class, from the box of an object if there is one,
            and compares it with attention to all tokens alike, that of an object in a picture
            with the one in a picture of one colour. 'cam' sums what the channels of the tokens
            between stages add to the score. Defaults to 'relevance'.

    Each frame of a clip is divided by what its place in time gets where the middle frame stands
    still.

    Returns:
        Tensor: Non-negative, on the grid of the first block, (H, W) or (T, H, W); sums to 1, or to
        0 where nothing speaks for the score.
    """
    heat = _heat_of(model, target, method, target.inputs)
    if method == 'rollout' and _is_in_picture(target):
        flat = target.inputs.mean(dim=(2, 3), keepdim=True).expand_as(target.inputs)
        more = heat - _heat_of(model, target, method, flat.contiguous())
        heat = heat * more.clamp(min=0)
    if heat.dim() == 3:
        still = _heat_of(model, target, method, _still(target.inputs)).sum(dim=(1, 2))
        heat = heat / (still / still.mean().clamp(min=1e-30)).clamp(min=_LEAST)[:, None, None]
    return _normed(heat)


def _is_in_picture(target: Target) -> bool:
    """Whether it is an object, whose rollout is for the most part its box."""
    return target.box is not None and target.inputs.dim() == 4


def _still(clips: Tensor) -> Tensor:
    """Clips (n, C, T, H, W) of which all frames are the middle one."""
    middle = clips.shape[2] // 2
    return clips[:, :, middle:middle + 1].expand_as(clips).contiguous()


def _heat_of(model: nn.Module, target: Target, method: str, inputs: Tensor) -> Tensor:
    with recording(model, gradients=method != 'rollout') as record:
        score = target.score(inputs)
        if method == 'relevance':
            record.differentiate_heads(score)
        elif method == 'cam':
            record.differentiate_stages(score)
    with torch.no_grad():
        if method == 'cam':
            return _class_activation(record)
        if method == 'rollout':
            rows = _rollout_of(record, _read_outputs(model, record, target), target)
        else:
            whole, attended = relevance(record.blocks, _contributions(model, record))
            rows = attended if target.box is None else whole
        return _normed(_as_map(rows[0], record.blocks[0].grid))


def _rollout_of(record: Recording, starts: Dict[int, Tensor], target: Target) -> Tensor:
    """Shares of the rollout, relative to those that even attention would give.

    Much of a rollout follows from the grids alone: keys with a stride larger than their kernel
    leave tokens out. The quotient is what the weights say. Of a picture what it has above 1 is the
    map, as any weights leave most tokens near 1; of a clip all of it, which is compared with a
    still one, and of a person in a clip in proportion to the share. Those of an object in a picture
    stay as they are.
    """
    shares = rollout(record.blocks, starts)
    if _is_in_picture(target):
        return shares
    found = shares / rollout(record.blocks, starts, evenly=True).clamp(min=1e-30)
    if target.inputs.dim() == 4:
        return (found - 1).clamp(min=0)
    return found if target.box is None else found * shares


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


def _read_outputs(model: nn.Module, record: Recording, target: Target) -> Dict[int, Tensor]:
    """Rows of the rollout to start from: what of the outputs the head reads."""
    last = max(record.outputs)
    if target.box is None:
        return {last: _pooled_rows(model, record, last)}
    rows = {}
    for index in record.outputs:
        block = record.blocks[index]
        cover = _cover(target.box, block.out_grid[-2:], target.inputs.shape[-2:])
        cover = cover.expand(block.out_grid).flatten()  # of a clip in all frames alike
        cover = F.pad(cover, (block.num_extra_tokens, 0))
        rows[index] = cover[None] / cover.sum().clamp(min=1e-30) / len(record.outputs)
    return rows


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


def _cover(box: Tensor, grid: Sequence[int], size: Sequence[int]) -> Tensor:
    """Which part of each token's pixels a box covers, (H, W); ``size`` is that of the input."""
    covers = []
    for low, high, tokens, pixels in zip(box[[1, 0]], box[[3, 2]], grid, size):
        edges = torch.arange(tokens + 1).to(box) * (pixels / tokens)
        inside = edges.clamp(min=low, max=high)
        covers.append((inside[1:] - inside[:-1]) / (edges[1] - edges[0]))
    return covers[0][:, None] * covers[1]


def _class_activation(record: Recording) -> Tensor:
    """LayerCAM (Jiang et al., 2021) of the tokens that enter a new stage, the mean of the stages.

    Those that leave the last stage are not taken: with a class token they have no part in a score,
    and the grid is the coarsest.
    """
    first = record.blocks[0].grid
    maps = []
    for block in record.blocks:
        if block.tokens_grad is not None:
            slopes = block.tokens_grad.clamp(min=0) * block.tokens
            found = _as_map(slopes.clamp(min=0).sum(dim=-1)[0], block.grid)
            maps.append(_normed(resize(found, first)))
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
