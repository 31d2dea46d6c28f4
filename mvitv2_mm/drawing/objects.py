"""Predictions, and what is true, drawn on pictures."""
from typing import Any, List, Optional, Sequence, Tuple

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from .colors import BLACK, MISSED, RIGHT, WRONG, Color, nth_color
from .labels import label_picture
from .sheets import enlarge

# smaller pictures are drawn larger, so that text on them can be read
_MIN_SIDE = 240
_NUM_LINES = 3
_VERDICTS = dict(right=RIGHT, wrong=WRONG, missed=MISSED)

Place = Tuple[int, int, int, int]


def right(name: str, score: float, box: Sequence[float], mask: Optional[dict] = None) -> dict:
    """An object that was found, to be drawn."""
    return _judged('right', box, mask, text=f'{name} {score:.2f}')


def wrong(name: str,
          score: float,
          box: Sequence[float],
          mask: Optional[dict] = None,
          truth: Optional[str] = None) -> dict:
    """A detection that finds no object, to be drawn; ``truth`` is the class of what it is on."""
    note = f', is {truth}' if truth else ', not there'
    return _judged('wrong', box, mask, text=f'{name} {score:.2f}{note}')


def missed(name: str, box: Sequence[float]) -> dict:
    """An object that was not found, to be drawn."""
    return _judged('missed', box, None, text=f'missed: {name}')


def _judged(verdict: str, box: Sequence[float], mask: Optional[dict], text: str) -> dict:
    one: dict = dict(verdict=verdict, box=[float(value) for value in box], text=text)
    return {**one, 'mask': mask} if mask is not None else one


def draw(picture: np.ndarray, record: dict, min_side: int = _MIN_SIDE) -> np.ndarray:
    """Draw what a record says: boxes, masks and their names, or the best classes in a corner.

    Objects have the colour of their class or track. Those of :func:`right`, :func:`wrong` and
    :func:`missed` have a colour that says so, and a missed one has a dashed outline.

    Args:
        picture (np.ndarray): RGB pixels (H, W, 3) of uint8, which stay as they are.
        record (dict): The record.
        min_side (int): Pictures with a smaller side are enlarged. Defaults to 240.

    Returns:
        np.ndarray: RGB pixels of uint8.
    """
    factor = -(-min_side // min(picture.shape[:2]))
    canvas = enlarge(picture, factor)
    size = max(13, round(min(canvas.shape[:2]) / 32))
    objects = sorted(record.get('objects', ()), key=_score)
    for one in objects:
        if 'mask' in one:
            _tint(canvas, one, factor)
    for one in objects:
        _outline(canvas, one, factor, size)
    taken: List[Place] = []
    lines = [f'{c["name"]} {c["score"]:.2f}' for c in record.get('classes', ())]
    _write(canvas, lines, BLACK, size, [(0, 0)], taken)
    for one in reversed(objects):  # the best one has the first choice of a place
        _name(canvas, one, factor, size, taken)
    return canvas


def color_of(one: dict) -> Color:
    """A colour for each verdict, else for each track, else for each class."""
    if 'verdict' in one:
        return _VERDICTS[one['verdict']]
    return nth_color(one.get('track', one.get('label', 0)))


def _score(one: dict) -> float:
    if 'verdict' in one:
        return 0.
    return one['score'] if 'score' in one else max((a['score'] for a in one['actions']), default=0)


def _corners(canvas: np.ndarray, one: dict, factor: int) -> Place:
    """Whole pixels of a box: left, top, right, bottom."""
    height, width = canvas.shape[:2]
    box = np.rint(np.array(one['box']) * factor).astype(int)
    return tuple(box.clip(0, [width - 1, height - 1] * 2).tolist())


def _tint(canvas: np.ndarray, one: dict, factor: int) -> None:
    mask = coco_mask.decode(one['mask'])
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return
    part = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    inside = enlarge(mask[part], factor)[..., None].astype(bool)
    area = canvas[factor * rows[0]:factor * (rows[-1] + 1),
                  factor * columns[0]:factor * (columns[-1] + 1)]
    paint = np.full_like(area, color_of(one))
    np.copyto(area, cv2.addWeighted(area, 0.55, paint, 0.45, 0), where=inside)


def _outline(canvas: np.ndarray, one: dict, factor: int, size: int) -> None:
    left, top, right_, bottom = _corners(canvas, one, factor)
    width = max(2, size // 8)
    if one.get('verdict') != 'missed':
        cv2.rectangle(canvas, (left, top), (right_, bottom), color_of(one), width)
        return
    dash, step = size // 2, 5 * size // 4
    for x in range(left, right_, step):
        for y in (top, bottom):
            _line(canvas, (x, y), (min(x + dash, right_), y), color_of(one), width)
    for y in range(top, bottom, step):
        for x in (left, right_):
            _line(canvas, (x, y), (x, min(y + dash, bottom)), color_of(one), width)


def _line(canvas: np.ndarray, start: tuple, end: tuple, color: Color, width: int) -> None:
    cv2.line(canvas, start, end, BLACK, width + 2)
    cv2.line(canvas, start, end, color, width)


def _name(canvas: np.ndarray, one: dict, factor: int, size: int, taken: List[Place]) -> None:
    lines: List[Any] = [one['text']] if 'text' in one else [
        f'{found["name"]} {found["score"]:.2f}' for found in one.get('actions', [one])
    ]
    if 'track' in one:
        lines[0] = f'#{one["track"]} {lines[0]}'
    left, top, right_, bottom = _corners(canvas, one, factor)
    # above the box, below it, inside it, beside it, and at its other corners; a negative one ends
    # there
    corners = [(left, -top), (left, bottom), (left, top), (right_, top), (-left, top),
               (left, -bottom), (-right_, -top), (-right_, bottom), (right_, -bottom),
               (-left, -bottom), (-left, bottom)]
    _write(canvas, lines, color_of(one), size, corners, taken)


def _write(canvas: np.ndarray, lines: List[str], color: Color, size: int, corners: List[tuple],
           taken: List[Place]) -> None:
    """Write lines at the first of some corners that hides least of what is written there.

    Args:
        canvas (np.ndarray): The picture.
        lines (list[str]): Of which the first three are written.
        color (Color): Of the ground.
        size (int): Height of the letters.
        corners (list[tuple]): x, y of the upper left corner; a negative one is the other side.
        taken (list[Place]): Where something is written, to which this is added.
    """
    labels = [label_picture(text, size, color, canvas.shape[1]) for text in lines[:_NUM_LINES]]
    if not labels:
        return
    height, width = sum(len(label) for label in labels), max(label.shape[1] for label in labels)
    places = [_inside(canvas, x, y, width, height) for x, y in corners]
    place = min(places, key=lambda one: sum(_overlap(one, other) for other in taken))
    taken.append(place)
    left, top = place[:2]
    for label in labels:
        part = canvas[top:top + label.shape[0], left:left + label.shape[1]]
        part[...] = label[:part.shape[0], :part.shape[1]]
        top += len(label)


def _inside(canvas: np.ndarray, x: int, y: int, width: int, height: int) -> Place:
    """A place that ends at a corner if that is negative, moved to where all of it is seen."""
    left = x if x >= 0 else -x - width
    top = y if y > 0 else -y - height
    left = max(0, min(left, canvas.shape[1] - width))
    top = max(0, min(top, canvas.shape[0] - height))
    return left, top, left + width, top + height


def _overlap(one: Place, other: Place) -> int:
    """Pixels that two places have in common."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)
