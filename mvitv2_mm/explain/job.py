"""All that is written about one input."""
from pathlib import Path
from typing import Callable, List, Optional, Sequence

import cv2
import numpy as np
from torch import nn

from ..drawing import mark_box, overlay
from ..encoded_video import EncodedVideo
from ..files import to_json, write_text
from .explanation import Explanation, explain
from .figures import draw_explanation, draw_point
from .page import write_page
from .points import attention_of_points

_VIDEO_SIDE = 240
_VIDEO_FPS = 8


def write_explanation(folder: Path,
                      model: nn.Module,
                      task: str,
                      packed: dict,
                      source: str,
                      class_name: Callable[[int], str],
                      method: str = 'relevance',
                      label: Optional[int] = None,
                      point: Optional[Sequence[float]] = None,
                      number: Optional[int] = None) -> dict:
    """Explain one input in a folder of its own.

    Writes ``explanation.png``, ``explanation.json`` and ``attention.html``; of a clip also
    ``explanation.mp4``, and with a point ``attention.png``.

    Args:
        folder (Path): Where to write.
        model (nn.Module): The model, in eval mode.
        task (str): 'image', 'video', 'detection' or 'action_detection'.
        packed (dict): The input; see :func:`mvitv2_mm.explain.explain`.
        source (str): What the input is called.
        class_name (Callable): Name of a class.
        method (str): See :func:`mvitv2_mm.explain.heat_map`. Defaults to 'relevance'.
        label (int, optional): Class to explain. Defaults to None: the best one.
        point (Sequence[float], optional): A place, (x, y) from 0 to 1, whose attention in each head
            is drawn; of a clip in its middle. Defaults to None.
        number (int, optional): Which object or person to explain. Defaults to None: the best one.

    Returns:
        dict: What ``explanation.json`` says.

    Raises:
        ValueError: If the input cannot be explained, or the point is outside of it.
    """
    found = explain(model, task, packed, method, label, number)
    name = class_name(found.label)
    words = found.in_words(name)
    title = f'{Path(source).name}: {words}, {method}'
    draw_explanation(folder / 'explanation.png', found, title)
    write_page(folder / 'attention.html', model, found, title)
    files = ['explanation.png', 'attention.html']
    if len(found.frames) > 1:
        _write_video(folder / 'explanation.mp4', found)
        files.append('explanation.mp4')
    if point is not None:
        _draw_point(folder / 'attention.png', model, found, point)
        files.append('attention.png')
    result = dict(
        schema=1,
        input=source,
        method=method,
        label=found.label,
        name=name,
        probability=found.probability,
        words=words,
        object=found.target.number,
        box=found.box,
        faithfulness=found.scores,
        heat=found.heat,
        files=[str(folder / file) for file in files])
    result = {key: value for key, value in result.items() if value is not None}
    write_text(folder / 'explanation.json', to_json(result))
    return result


def _write_video(path: Path, found: Explanation) -> None:
    """The frames that the network sees, and beside each its overlay."""
    factor = -(-_VIDEO_SIDE // min(found.frames.shape[1:3]))
    video = EncodedVideo(path)
    for number, (frame, heat) in enumerate(zip(found.frames, found.pixels)):
        pair = [frame.copy(), overlay(frame, heat)]
        if found.box is not None:
            for picture in pair:
                mark_box(picture, found.box)
        pair = np.concatenate(pair, axis=1)
        size = [factor * n for n in pair.shape[1::-1]]
        picture = cv2.resize(pair, size, interpolation=cv2.INTER_CUBIC)
        video.write(picture, number / _VIDEO_FPS)
    video.close()


def _draw_point(path: Path, model: nn.Module, found: Explanation, point: Sequence[float]) -> None:
    inputs = found.target.inputs
    frame = found.frames[len(found.frames) // 2]
    padding = [(0, inputs.shape[axis - 2] - frame.shape[axis]) for axis in range(2)]
    place: List[float] = [
        share * frame.shape[axis] / inputs.shape[axis - 2]
        for axis, share in enumerate(reversed(point))
    ]
    time = [0.5] * (inputs.dim() - 4)
    blocks = list(attention_of_points(model, inputs, [[*time, *place]]))
    draw_point(path, blocks, np.pad(frame, [*padding, (0, 0)]), place)
