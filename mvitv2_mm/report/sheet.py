"""A sheet of predictions as a picture: right and wrong ones."""
from functools import partial
from pathlib import Path
from typing import List, Optional, Sequence

import numpy as np
from mmengine.config import Config

from ..drawing import LEGEND, Cell, draw_sheet, save_picture
from .galleries import judged_objects, lines_of
from .key_frames import judged_people
from .pictures import Objects, Pictures
from .results.actions import ActionResult
from .results.detection import DetectionResult
from .results.make import Result

# columns, rows, height and width of a picture
_IMAGES, _CLIPS, _OBJECTS = (8, 3, 128, 128), (2, 6, 96, 590), (4, 2, 320, 320)


def write_sheet(result: Result,
                roots: Sequence[Path],
                path: Path,
                cfg: Optional[Config] = None) -> Optional[Path]:
    """Draw predictions, up to a half of them wrong, and the others right.

    Args:
        result (Result): What a test has found.
        roots (Sequence[Path]): Folders below which the files of samples may lie.
        path (Path): The picture to write.
        cfg (Config, optional): Config of a test of actions, with which key frames are read.
            Defaults to None.

    Returns:
        Path: ``path``; None if there are no pictures to be had.
    """
    columns, rows, height, width = _layout(result)
    pictures, cells = Pictures(roots, cfg), []
    for index in choose(result.correct, columns * rows):
        picture = pictures.array(result.samples[index], _objects(result, index))
        if picture is not None:
            cells.append(Cell(picture, lines_of(result, index), bool(result.correct[index])))
    if not cells:
        return None
    has_boxes = isinstance(result, (DetectionResult, ActionResult))
    title = LEGEND if has_boxes else LEGEND.rpartition(', ')[0]  # else nothing is missed
    save_picture(draw_sheet(cells, columns, height, width, title), path)
    return path


def _objects(result: Result, index: int) -> Objects:
    if isinstance(result, ActionResult):
        return partial(judged_people, result, index)
    return judged_objects(result, index) if isinstance(result, DetectionResult) else None


def _layout(result: Result) -> tuple:
    if isinstance(result, (DetectionResult, ActionResult)):
        return _OBJECTS
    return _IMAGES if 'img_path' in result.samples[0] else _CLIPS


def choose(correct: np.ndarray, count: int) -> List[int]:
    """Places of up to a half of wrong ones and of right ones, each spread evenly."""
    wrong, right = np.flatnonzero(~correct), np.flatnonzero(correct)
    shown = _spread(wrong, max(count // 2, count - len(right)))
    return shown + _spread(right, count - len(shown))


def _spread(items: np.ndarray, count: int) -> List[int]:
    places = np.linspace(0, len(items) - 1, min(count, len(items)))
    return items[places.astype(int)].tolist()
