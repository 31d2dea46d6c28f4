"""Explanations drawn: overlays, strips of frames, attention of a point, position tables."""
from pathlib import Path
from typing import Iterator, List, Sequence

import cv2
import numpy as np
from torch import Tensor, nn

from ..drawing import (MARK, Cell, bars, draw_sheet, fit, heat_colors, mark_box, overlay,
                       save_picture, signed_colors, write_lines)
from .explanation import Explanation
from .points import PointAttention
from .recording import find_backbone

_MAX_FRAMES = 8
_MAX_BLOCKS = 12
_WIDTH = 760  # of a sheet, in pixels
_SMALL = 96  # of a head, in pixels
_TABLE = (150, 112)  # height and width of a table


def draw_explanation(path: Path, found: Explanation, title: str) -> None:
    """Draw a picture or up to eight frames of a clip, overlays below, and the scores.

    Args:
        path (Path): A PNG file.
        found (Explanation): What is drawn.
        title (str): First line.
    """
    heat, frames = found.pixels, found.frames
    shown = np.linspace(0, len(frames) - 1, min(len(frames), _MAX_FRAMES)).round().astype(int)
    is_clip = len(frames) > 1
    columns = len(shown) if is_clip else 2
    width = max(120, _WIDTH // columns)
    height = max(round(width * min(2., frames.shape[1] / frames.shape[2])), 40)
    plain, hot = zip(*(_pair(fit(frames[i], height, width), heat[i], found) for i in shown))
    if is_clip:
        cells = [Cell(one, [f'frame {i}']) for i, one in zip(shown, plain)]
        cells += [Cell(one, []) for one in hot]
    else:
        cells = [Cell(plain[0], ['what the model sees']), Cell(hot[0], [found.method])]
    sheet = draw_sheet(cells, columns, height, width, title)
    parts = [sheet]
    if is_clip:
        text = 'share of the map in each frame; the line is an even share'
        profile = bars(heat.sum(axis=(1, 2)), 60, sheet.shape[1] - 12)
        parts.append(draw_sheet([Cell(profile, [text])], 1, *profile.shape[:2]))
    parts.append(write_lines(_score_lines(found), sheet.shape[1]))
    save_picture(np.concatenate(parts), path)


def _pair(frame: np.ndarray, heat: np.ndarray, found: Explanation) -> List[np.ndarray]:
    """A frame as large as it is shown, and the map over it."""
    pair = [frame, overlay(frame, heat)]
    if found.box is not None:
        factor = frame.shape[0] / heat.shape[0]
        for picture in pair:
            mark_box(picture, [factor * side for side in found.box])
    return pair


def _score_lines(found: Explanation) -> List[str]:
    scores = found.scores
    lines = [
        f'{name} ({good}): this map {scores["map"][name]:.2f}, '
        f'random {scores["random"][name]:.2f}, centre {scores["centre"][name]:.2f}'
        for name, good in (('deletion', 'low is good'), ('insertion', 'high is good'))
    ]
    verdict = 'better than' if scores['is_faithful'] else 'NOT better than'
    return [*lines, f'This map is {verdict} maps that know nothing of the model.']


def draw_point(path: Path, found: Sequence[PointAttention], frame: np.ndarray,
               point: Sequence[float]) -> None:
    """Draw what a point attends to: one row for a block, its heads and their mean in columns.

    Of clips, the frames are averaged. Of more than twelve blocks, twelve are drawn.

    Args:
        path (Path): A PNG file.
        found (Sequence[PointAttention]): One point in all blocks.
        frame (np.ndarray): What the network sees with padding, RGB pixels (H, W, 3) of uint8.
        point (Sequence[float]): The place, (y, x) from 0 to 1.
    """
    found = [found[i] for i in _picked(len(found))]
    columns = 2 + max(one.weights.shape[1] for one in found)
    size = [round(_SMALL * side / max(frame.shape[:2])) or 1 for side in frame.shape[:2]]
    small = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)
    place = tuple(min(int(share * side), side - 1) for share, side in zip(point, size))
    for color, radius in (((0, 0, 0), 6), (MARK, 4)):
        cv2.circle(small, place[::-1], radius, color, -1)
    cells: List[Cell] = []
    for one in found:
        cells.append(Cell(small, [f'block {one.block}']))
        cells += _heads(one, size)
        cells += [Cell(np.full_like(small, 255), [])] * (-len(cells) % columns)
    save_picture(draw_sheet(cells, columns, *size), path)


def _heads(one: PointAttention, size: Sequence[int]) -> Iterator[Cell]:
    """The mean of the heads and each of them, scaled to its own largest value."""
    heads = one.weights[0].cpu()
    heads = heads.flatten(1, -3).sum(dim=1) if heads.dim() == 4 else heads
    for number, heat in enumerate((heads.mean(dim=0), *heads)):
        picture = heat_colors((heat / heat.max().clamp(min=1e-30)).numpy())
        picture = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_NEAREST)
        yield Cell(picture, [f'head {number - 1}' if number else 'mean'])


def draw_positions(path: Path, model: nn.Module) -> bool:
    """Draw the tables of relative positions: one row for an axis, one column for a block.

    Args:
        path (Path): A PNG file.
        model (nn.Module): A model with an MViTv2.

    Returns:
        bool: Whether the model has any; if not, there is no file.
    """
    blocks = find_backbone(model).blocks
    picked, names = _picked(len(blocks)), blocks[0].attn.rel_pos_names
    if not names:
        return False
    cells, limits = [], []
    for name in names:
        tables = [_table(blocks[i], name) for i in picked]
        limit = max(max(float(table.abs().max()) for table in tables), 1e-12)
        limits.append(f'{name[-1]} {limit:.2g}')
        for number, table in zip(picked, tables):
            picture = cv2.resize(
                signed_colors(table.numpy(), limit), _TABLE[::-1], interpolation=cv2.INTER_NEAREST)
            reach = len(table) // 2
            cells.append(Cell(picture, [f'block {number}', f'{name[-1]}: -{reach} to {reach}']))
    sheet = draw_sheet(cells, len(picked), *_TABLE, 'tables of relative positions')
    words = write_lines([
        'down: query - key, in tokens; across: channels of a head',
        f'blue: negative, red: positive; the darkest is {", ".join(limits)}'
    ], sheet.shape[1])
    save_picture(np.concatenate([sheet, words]), path)
    return True


def _picked(count: int) -> List[int]:
    """Numbers of the blocks that are drawn."""
    return np.linspace(0, count - 1, min(count, _MAX_BLOCKS)).round().astype(int).tolist()


def _table(block: nn.Module, name: str) -> Tensor:
    return getattr(block.attn, name).detach().float().cpu()
