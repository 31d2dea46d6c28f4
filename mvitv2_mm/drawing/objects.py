"""Predictions, and what is true, drawn on pictures."""
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from .colors import BLACK, MISSED, RIGHT, WHITE, WRONG, Color, nth_color
from .placing import Labels, Line, Place
from .sheets import enlarge, enlargement

# smaller pictures are drawn larger, so that text on them can be read
_MIN_SIDE = 240
_NUM_LINES = 3  # classes of a picture, actions of a person
_MANY = 20  # objects, beyond which their names are written smaller
_ROOM = 120  # pixels of the smaller side
_VERDICTS = dict(right=RIGHT, wrong=WRONG, missed=MISSED)


def right(name: str, score: float, box: Sequence[float], mask: Optional[dict] = None) -> dict:
    """An object that was found, to be drawn."""
    return _judged('right', box, mask, text=f'{name} {score:.2f}')


def wrong(name: str,
          score: float,
          box: Sequence[float],
          mask: Optional[dict] = None,
          note: str = 'not there') -> dict:
    """A detection that finds no object, to be drawn; ``note`` says what is wrong with it."""
    return _judged('wrong', box, mask, text=f'{name} {score:.2f}, {note}')


def missed(name: str, box: Sequence[float]) -> dict:
    """An object that was not found, to be drawn."""
    return _judged('missed', box, None, text=f'missed: {name}')


def _judged(verdict: str, box: Sequence[float], mask: Optional[dict], text: str) -> dict:
    one: dict = dict(verdict=verdict, box=[float(value) for value in box], text=text)
    return {**one, 'mask': mask} if mask is not None else one


def draw(picture: np.ndarray, record: dict, min_side: int = _MIN_SIDE) -> np.ndarray:
    """Draw what a record says: boxes, masks and their names, or the best classes in a corner.

    Objects have the colour of their class or track, people that of their place in the record. Those
    of :func:`right`, :func:`wrong` and :func:`missed` have a colour that says so, and a missed one
    has a dashed outline. Names that would cover others are left out, which a line says.

    Args:
        picture (np.ndarray): RGB pixels (H, W, 3) of uint8, which stay as they are.
        record (dict): The record.
        min_side (int): Pictures with a smaller side are enlarged. Defaults to 240.

    Returns:
        np.ndarray: RGB pixels of uint8.
    """
    factor = enlargement(picture, min_side)
    canvas = _with_room(enlarge(picture, factor))
    objects = _told_apart(record.get('objects', ()))
    size = max(13, round(min(canvas.shape[:2]) / (32 if len(objects) <= _MANY else 44)))
    for one in objects:
        if 'mask' in one:
            _tint(canvas, one, factor)
    for one in objects:
        _outline(canvas, one, factor, size)
    labels = Labels(canvas, size)
    lines = [(f'{c["name"]} {c["score"]:.2f}', BLACK) for c in record.get('classes', ())]
    labels.write(lines[:_NUM_LINES], [(0, 0)])
    for box, lines in _lines_of(reversed(objects)):  # the best one has the first choice of a place
        labels.write_beside(_corners(canvas, box, factor), lines)
    labels.finish()
    return canvas


def _with_room(picture: np.ndarray) -> np.ndarray:
    """A picture that is too narrow for a name gets white beside or below it."""
    height, width = picture.shape[:2]
    if min(height, width) >= _ROOM:
        return picture
    canvas = np.full((max(height, _ROOM), max(width, _ROOM), 3), 255, np.uint8)
    canvas[:height, :width] = picture
    return canvas


def _told_apart(objects: Sequence[dict]) -> List[dict]:
    """Objects, the best last; people, who have no class, get numbers for their colours."""
    numbered = [
        dict(label=number, **one) if 'actions' in one else one for number, one in enumerate(objects)
    ]
    return sorted(numbered, key=_score)


def _lines_of(objects: Iterable[dict]) -> Iterator[Tuple[Sequence[float], List[Line]]]:
    """Boxes and what is written beside them; what is said of one box stands together."""
    judged: Dict[tuple, List[Line]] = {}
    for one in objects:
        color = color_of(one)
        if 'verdict' in one:
            judged.setdefault(tuple(one['box']), []).append((one['text'], color))
            continue
        texts = [one['text']] if 'text' in one else [
            f'{found["name"]} {found["score"]:.2f}' for found in one.get('actions', [one])
        ]
        if 'track' in one and texts:
            texts[0] = f'#{one["track"]} {texts[0]}'
        yield one['box'], [(text, color) for text in texts[:_NUM_LINES]]
    yield from judged.items()


def mark_box(picture: np.ndarray, box: Sequence[float]) -> None:
    """Draw a box that is seen on any picture, in place; ``box`` is in pixels of the picture."""
    corners = _corners(picture, box, 1)
    width = max(1, round(min(picture.shape[:2]) / 200))
    for color, line in ((BLACK, width + 2), (WHITE, width)):
        cv2.rectangle(picture, corners[:2], corners[2:], color, line)


def color_of(one: dict) -> Color:
    """A colour for each verdict, else for each track, else for each class."""
    if 'verdict' in one:
        return _VERDICTS[one['verdict']]
    return nth_color(one.get('track', one.get('label', 0)))


def _score(one: dict) -> float:
    if 'verdict' in one:
        return 0.
    return one['score'] if 'score' in one else max((a['score'] for a in one['actions']), default=0)


def _corners(canvas: np.ndarray, box: Sequence[float], factor: int) -> Place:
    """Whole pixels of a box: left, top, right, bottom."""
    height, width = canvas.shape[:2]
    box = np.rint(np.array(box) * factor).astype(int)
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
    left, top, right_, bottom = _corners(canvas, one['box'], factor)
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
