"""A page on which one clicks a point and sees what it attends to, in one file without requests."""
import base64
import hashlib
import html
import json
import math
from io import BytesIO
from pathlib import Path
from string import Template
from typing import List, Sequence, Tuple

import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from ..drawing import MARK, css_variables
from ..files import write_text
from .explanation import Explanation
from .points import attention_of_points, middles
from .recording import find_backbone

#: bytes of all maps of a page before they are text, which makes 4/3 of it
_BUDGET = 270_000
_POINTS = {2: (1, 7, 7), 3: (4, 4, 4)}
_MAX_CELLS = 14
_SIDE = {2: 448, 3: 160}  # of a frame, in pixels


def write_page(path: Path, model: nn.Module, found: Explanation, title: str) -> None:
    """Write the page of one input, less than 500 KB whatever its size.

    Args:
        path (Path): An HTML file.
        model (nn.Module): The model.
        found (Explanation): What was explained; all but its map is used.
        title (str): Heading.
    """
    inputs = found.target.inputs
    ndim = inputs.dim() - 2
    counts = _POINTS[ndim]
    points = middles(counts[3 - ndim:])
    height, width = found.frames.shape[1:3]
    shares = height / inputs.shape[-2], width / inputs.shape[-1]  # less is padding
    points = [(*point[:-2], point[-2] * shares[0], point[-1] * shares[1]) for point in points]
    num_blocks, blocks = len(find_backbone(model).blocks), []
    for one in attention_of_points(model, inputs, points):
        heads = one.weights.mean(dim=1)
        maps = heads if ndim == 3 else heads[:, None]
        maps = _visible(maps, shares)
        maps = _shrink(maps, _BUDGET // (num_blocks * len(points)))
        peak = maps.flatten(1).amax(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
        values = (255 * maps / peak).round().byte().cpu().numpy()
        blocks.append(
            dict(
                text=f'block {one.block}, {one.weights.shape[1]} heads, keys '
                f'{" x ".join(map(str, one.grid))}',
                cells=maps.shape[1:],
                values=base64.b64encode(values.tobytes()).decode()))
    picture, num_frames = _picture(found.frames, counts[0], _SIDE[ndim])
    data = dict(counts=counts, frames=num_frames, picture=picture, mark=MARK, blocks=blocks)
    write_text(path, _fill(title, data))


def _visible(maps: Tensor, shares: Sequence[float]) -> Tensor:
    """Without the cells of the padding."""
    height, width = (max(1, round(n * s)) for n, s in zip(maps.shape[-2:], shares))
    return maps[..., :height, :width]


def _shrink(maps: Tensor, budget: int) -> Tensor:
    """Maps (points, T, H, W) of at most so many cells each."""
    time, *size = maps.shape[1:]
    time = min(time, 4 if time > 1 else 1)
    side = min(_MAX_CELLS, int(math.sqrt(budget / time)))
    return F.adaptive_avg_pool3d(maps, (time, *(min(n, side) for n in size)))


def _picture(frames: np.ndarray, count: int, side: int) -> Tuple[str, int]:
    """Frames side by side as a JPEG, and their number."""
    picked = [int((i + 0.5) * len(frames) / count) for i in range(count)]
    scale = side / max(frames.shape[1:3])
    size = [max(1, round(n * scale)) for n in frames.shape[2:0:-1]]
    images: List[np.ndarray] = [
        np.asarray(Image.fromarray(frames[i]).resize(size, Image.BICUBIC)) for i in picked
    ]
    buffer = BytesIO()
    Image.fromarray(np.concatenate(images, axis=1)).save(buffer, 'JPEG', quality=80)
    return 'data:image/jpeg;base64,' + base64.b64encode(buffer.getvalue()).decode(), count


def _fill(title: str, data: dict) -> str:
    parts = {
        name: Path(__file__).with_name(f'page.{name}').read_text()
        for name in ('html', 'css', 'js')
    }
    parts['css'] = css_variables() + parts['css']
    return Template(parts['html']).substitute(
        title=html.escape(title),
        picture=data['picture'],
        style=parts['css'],
        style_hash=_digest(parts['css']),
        script=parts['js'],
        script_hash=_digest(parts['js']),
        data=json.dumps(data).replace('<', '\\u003c'))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
