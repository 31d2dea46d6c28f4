"""A sheet of predictions as a picture: right and wrong ones."""
from pathlib import Path
from typing import List, Optional, Sequence

import cv2
import numpy as np

from ..drawing import Cell, draw_sheet
from ..files import replaced
from .galleries import judged_objects, lines_of
from .pictures import Pictures
from .results.actions import ActionResult
from .results.detection import DetectionResult
from .results.make import Result

# columns, rows, height and width of a picture
_IMAGES, _CLIPS, _OBJECTS = (8, 3, 128, 128), (2, 6, 96, 590), (4, 2, 320, 320)


def write_sheet(result: Result, roots: Sequence[Path], path: Path) -> Optional[Path]:
    """Draw predictions, up to a half of them wrong, and the others right.

    Args:
        result (Result): What a test has found.
        roots (Sequence[Path]): Folders below which the files of samples may lie.
        path (Path): The picture to write.

    Returns:
        Path: ``path``; None if there are no pictures to be had.
    """
    if isinstance(result, ActionResult):
        return None
    columns, rows, height, width = _layout(result)
    pictures, cells = Pictures(roots), []
    for index in choose(result.correct, columns * rows):
        objects = judged_objects(result, index) if isinstance(result, DetectionResult) else None
        picture = pictures.array(result.samples[index], objects)
        if picture is not None:
            cells.append(Cell(picture, lines_of(result, index), bool(result.correct[index])))
    if not cells:
        return None
    title = 'blue: right, orange: wrong' + ', yellow and dashed: missed' * isinstance(
        result, DetectionResult)
    sheet = draw_sheet(cells, columns, height, width, title)
    with replaced(path) as temporary:
        cv2.imwrite(str(temporary), sheet[..., ::-1])
    return path


def _layout(result: Result) -> tuple:
    if isinstance(result, DetectionResult):
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
