"""Explanations drawn: overlays, strips of frames, attention of a point, position tables."""
from pathlib import Path
from typing import Optional, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from ..files import replaced
from .explanation import Explanation
from .points import PointAttention
from .recording import find_backbone

_COLORS = 'inferno'  # its brightness grows with the value, also for colour-blind eyes
_MAX_FRAMES = 8
_MAX_BLOCKS = 12


def overlay(frame: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A picture in grey, coloured where it is hot.

    Args:
        frame (np.ndarray): RGB pixels (H, W, 3) of uint8.
        heat (np.ndarray): (H, W), from 0 to 1.
    """
    grey = np.repeat(frame.mean(axis=2, keepdims=True), 3, axis=2)
    color = 255 * colormaps[_COLORS](heat)[..., :3]
    share = 0.15 + 0.6 * heat[..., None]
    return (grey * (1 - share) + color * share).round().astype(np.uint8)


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
    rows, columns = (2, len(shown)) if is_clip else (1, 2)
    height = min(2., max(0.5, frames.shape[1] / frames.shape[2]))
    width = 1.5 * columns if is_clip else 3.4 * columns
    size = (max(width, 6.8), width / columns * height * rows + 0.95 + 0.9 * is_clip)
    figure = Figure(figsize=size, dpi=110, layout='constrained')
    ratios = [height] * rows + [0.45] * is_clip
    grid = figure.add_gridspec(rows + is_clip, columns, height_ratios=ratios)
    for column, number in enumerate(shown):
        places = [(0, column), (1, column)] if is_clip else [(0, 0), (0, 1)]
        pictures = frames[number], overlay(frames[number], heat[number])
        for place, picture in zip(places, pictures):
            axes = figure.add_subplot(grid[place])
            _show(axes, picture, found.box)
            if is_clip and place[0] == 0:
                axes.set_title(f'frame {number}', fontsize=8)
    if is_clip:
        _draw_profile(figure.add_subplot(grid[2, :]), heat)
    figure.suptitle(title, fontsize=10)
    figure.supxlabel(_score_lines(found), fontsize=7.5)
    _save(figure, path)


def _show(axes: Axes, picture: np.ndarray, box: Optional[Sequence[float]] = None) -> None:
    axes.imshow(picture)
    axes.axis('off')
    if box is not None:
        left, top, right, bottom = box
        for width, color in ((3., 'black'), (1.4, 'white')):
            axes.add_patch(
                Rectangle((left, top), right - left, bottom - top, fill=False, lw=width, ec=color))


def _draw_profile(axes: Axes, heat: np.ndarray) -> None:
    """How much of the map lies in each frame, 1 if all have the same."""
    profile = heat.sum(axis=(1, 2))
    axes.bar(np.arange(len(heat)), profile / profile.mean().clip(1e-30), color='#b5367a')
    axes.axhline(1, color='black', lw=0.6)
    axes.set_ylabel('share', fontsize=7)
    axes.tick_params(labelsize=7)
    axes.margins(x=0.01)


def _score_lines(found: Explanation) -> str:
    scores = found.scores
    lines = [
        f'{name} ({good}): this map {scores["map"][name]:.2f}, '
        f'random {scores["random"][name]:.2f}, centre {scores["centre"][name]:.2f}'
        for name, good in (('deletion', 'low is good'), ('insertion', 'high is good'))
    ]
    verdict = 'better than' if scores['is_faithful'] else 'NOT better than'
    return '\n'.join([*lines, f'This map is {verdict} maps that know nothing of the model.'])


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
    picked = np.linspace(0, len(found) - 1, min(len(found), _MAX_BLOCKS)).round().astype(int)
    found = [found[i] for i in picked]
    columns = 2 + max(one.weights.shape[1] for one in found)
    figure = Figure(
        figsize=(0.95 * columns + 0.5, 1.05 * len(found)), dpi=100, layout='constrained')
    grid = figure.subplots(len(found), columns, squeeze=False)
    height, width = frame.shape[:2]
    for row, one in zip(grid, found):
        heads = one.weights[0]
        heads = heads.flatten(1, -3).sum(dim=1) if heads.dim() == 4 else heads
        pictures = [heads.mean(dim=0), *heads]
        for axes in row:
            axes.axis('off')
        row[0].imshow(frame)
        row[0].plot(point[1] * width, point[0] * height, 'o', ms=5, mfc='#fca50a', mec='black')
        row[0].set_title(f'block {one.block}', fontsize=7)
        for number, (axes, heat) in enumerate(zip(row[1:], pictures)):
            axes.imshow(heat.cpu().numpy(), cmap=_COLORS, extent=(0, width, height, 0), vmin=0)
            axes.set_title(f'head {number - 1}' if number else 'mean', fontsize=7)
    _save(figure, path)


def draw_positions(path: Path, model: nn.Module) -> bool:
    """Draw the tables of relative positions: one row for an axis, one column for a block.

    Args:
        path (Path): A PNG file.
        model (nn.Module): A model with an MViTv2.

    Returns:
        bool: Whether the model has any; if not, there is no file.
    """
    blocks = find_backbone(model).blocks
    picked = np.linspace(0, len(blocks) - 1, min(len(blocks), _MAX_BLOCKS)).round().astype(int)
    names = blocks[0].attn.rel_pos_names
    if not names:
        return False
    figure = Figure(
        figsize=(1.3 * len(picked) + 1.2, 1.9 * len(names) + 0.4), dpi=100, layout='constrained')
    grid = figure.subplots(len(names), len(picked), squeeze=False)
    for row, name in zip(grid, names):
        tables = [_table(blocks[i], name) for i in picked]
        limit = max(max(float(table.abs().max()) for table in tables), 1e-12)
        for axes, number, table in zip(row, picked, tables):
            reach = len(table) // 2
            image = axes.imshow(
                table.numpy(),
                aspect='auto',
                cmap='RdBu_r',
                vmin=-limit,
                vmax=limit,
                extent=(0, table.shape[1], reach + 0.5, -reach - 0.5))
            axes.set_title(f'block {number}', fontsize=7)
            axes.tick_params(labelsize=6)
        row[0].set_ylabel(f'{name[-1]}: query - key', fontsize=7)
        figure.colorbar(image, ax=row, shrink=0.8).ax.tick_params(labelsize=6)
    figure.supxlabel('channel of a head', fontsize=7)
    _save(figure, path)
    return True


def _table(block: nn.Module, name: str) -> Tensor:
    return getattr(block.attn, name).detach().float().cpu()


def _save(figure: Figure, path: Path) -> None:
    with replaced(path) as temporary:
        figure.savefig(temporary, format='png')
