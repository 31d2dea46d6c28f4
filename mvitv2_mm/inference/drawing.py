"""Predictions drawn on pictures."""
import colorsys
from typing import List, Tuple

import cv2
import numpy as np

from .labels import Color, label_picture
from .writers.masks import decode_mask

# smaller pictures are drawn larger, so that text on them can be read
_MIN_SIDE = 240
_NUM_LINES = 3


def draw(picture: np.ndarray, record: dict) -> np.ndarray:
    """Draw what a record says: boxes, masks and their names, or the best classes in a corner.

    Args:
        picture (np.ndarray): RGB pixels (H, W, 3) of uint8, which stay as they are.
        record (dict): The record.

    Returns:
        np.ndarray: RGB pixels of uint8; a picture with a side below 240 pixels is enlarged.
    """
    factor = -(-_MIN_SIDE // min(picture.shape[:2]))
    canvas = _enlarge(picture, factor)
    size = max(13, round(min(canvas.shape[:2]) / 32))
    objects = sorted(record.get('objects', ()), key=_score)
    for one in objects:
        if 'mask' in one:
            _tint(canvas, one, factor)
    for one in objects:
        _outline(canvas, one, factor, size)
    for one in objects:
        _name(canvas, one, factor, size)
    _write_lines(canvas, record, size)
    return canvas


def _enlarge(array: np.ndarray, factor: int) -> np.ndarray:
    """A copy in which each pixel is a square."""
    return cv2.resize(array, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)


def color_of(one: dict) -> Color:
    """A colour for each class, or for each track where objects are followed."""
    number = one.get('track', one.get('label', 0))
    red_green_blue = colorsys.hsv_to_rgb(number * 0.618034 % 1, 0.75, 1 - 0.25 * (number // 8 % 2))
    return tuple(round(255 * value) for value in red_green_blue)


def _score(one: dict) -> float:
    return one['score'] if 'score' in one else max((a['score'] for a in one['actions']), default=0)


def _corners(canvas: np.ndarray, one: dict, factor: int) -> Tuple[int, int, int, int]:
    """Whole pixels of a box: left, top, right, bottom."""
    height, width = canvas.shape[:2]
    box = np.rint(np.array(one['box']) * factor).astype(int)
    return tuple(box.clip(0, [width - 1, height - 1] * 2))


def _tint(canvas: np.ndarray, one: dict, factor: int) -> None:
    mask = decode_mask(one['mask'])
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return
    part = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    inside = _enlarge(mask[part], factor)[..., None].astype(bool)
    area = canvas[factor * rows[0]:factor * (rows[-1] + 1),
                  factor * columns[0]:factor * (columns[-1] + 1)]
    paint = np.full_like(area, color_of(one))
    np.copyto(area, cv2.addWeighted(area, 0.55, paint, 0.45, 0), where=inside)


def _outline(canvas: np.ndarray, one: dict, factor: int, size: int) -> None:
    left, top, right, bottom = _corners(canvas, one, factor)
    cv2.rectangle(canvas, (left, top), (right, bottom), color_of(one), max(2, size // 8))


def _name(canvas: np.ndarray, one: dict, factor: int, size: int) -> None:
    lines = [f'{found["name"]} {found["score"]:.2f}' for found in one.get('actions', [one])]
    if 'track' in one:
        lines[0] = f'#{one["track"]} {lines[0]}'
    left, top, _, _ = _corners(canvas, one, factor)
    labels = [
        label_picture(text, size, color_of(one), canvas.shape[1]) for text in lines[:_NUM_LINES]
    ]
    height = sum(len(label) for label in labels)
    top = top - height if top >= height else top
    for label in labels:
        _paste(canvas, label, left, top)
        top += len(label)


def _write_lines(canvas: np.ndarray, record: dict, size: int) -> None:
    lines: List[str] = [f'{c["name"]} {c["score"]:.2f}' for c in record.get('classes', ())]
    top = 0
    for text in lines[:_NUM_LINES]:
        label = label_picture(text, size, (0, 0, 0), canvas.shape[1])
        _paste(canvas, label, 0, top)
        top += len(label)


def _paste(canvas: np.ndarray, label: np.ndarray, left: int, top: int) -> None:
    """Put a label on a picture, moved to where all of it can be seen."""
    height, width = canvas.shape[:2]
    left = max(0, min(left, width - label.shape[1]))
    top = max(0, min(top, height - label.shape[0]))
    place = canvas[top:top + label.shape[0], left:left + label.shape[1]]
    place[...] = label[:place.shape[0], :place.shape[1]]
