"""Sheets of pictures with lines of text each, and strips of frames."""
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

import cv2
import numpy as np

from ..files import replaced
from .colors import BLACK, RIGHT, WHITE, WRONG
from .labels import label_picture

_GAP = 6
_TEXT = 14
_LONGEST = 2048  # pixels of a picture that was enlarged


class Cell(NamedTuple):
    """A picture on a sheet.

    Attributes:
        picture (np.ndarray): RGB pixels (H, W, 3) of uint8.
        lines (Sequence[str]): What stands below it.
        is_right (bool, optional): Whether what it shows is right, which a mark and the colour of
            the lines say; None if that is no question. Defaults to None.
    """
    picture: np.ndarray
    lines: Sequence[str]
    is_right: Optional[bool] = None


def enlargement(picture: np.ndarray, side: int) -> int:
    """The factor from which on no side is smaller than ``side``; less for very long pictures."""
    shortest, longest = sorted(picture.shape[:2])
    return max(1, min(-(-side // shortest), _LONGEST // longest))


def enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    """A copy in which each pixel is a square of ``factor`` pixels."""
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)


def fit(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture as large as fits, with its pixels as squares where it is enlarged much."""
    factor = min(height / picture.shape[0], width / picture.shape[1])
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    return cv2.resize(picture, size, interpolation=method)


def strip(frames: Sequence[np.ndarray], height: int = 96) -> np.ndarray:
    """Frames of a clip beside each other, all of the same height."""
    fitted = [fit(frame, height, 4 * height) for frame in frames]
    gap = np.full((height, 2, 3), 255, np.uint8)
    parts: List[np.ndarray] = []
    for frame in fitted:
        lower = np.full((height - frame.shape[0], frame.shape[1], 3), 255, np.uint8)
        parts += [np.concatenate([frame, lower]), gap]
    return np.concatenate(parts[:-1], axis=1)


def draw_sheet(cells: Sequence[Cell],
               columns: int,
               height: int,
               width: int,
               title: str = '') -> np.ndarray:
    """A sheet of pictures in rows, each with its lines of text.

    Args:
        cells (Sequence[Cell]): The pictures.
        columns (int): Pictures in a row.
        height (int): Largest height of a picture in pixels.
        width (int): Width of each picture in pixels.
        title (str): A line above all. Defaults to ''.

    Returns:
        np.ndarray: RGB pixels of uint8.
    """
    lines = max(len(cell.lines) for cell in cells)
    cells = [cell._replace(picture=fit(cell.picture, height, width)) for cell in cells]
    height = max(len(cell.picture) for cell in cells)
    tiles = [_tile(cell, height, width, lines) for cell in cells]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i:i + columns], axis=1) for i in range(0, len(tiles), columns)]
    if title:
        rows.insert(0, write_lines([title], rows[0].shape[1]))
    return np.concatenate(rows)


def write_lines(lines: Sequence[str], width: int) -> np.ndarray:
    """Lines of text on white, RGB (H, width, 3) of uint8."""
    labels = [label_picture(line, _TEXT, WHITE, width - _GAP) for line in lines]
    page = np.full((sum(map(len, labels)) + _GAP, width, 3), 255, np.uint8)
    _stack_into(page, labels, _GAP // 2)
    return page


def save_picture(picture: np.ndarray, path: Path) -> None:
    """Write RGB pixels (H, W, 3) of uint8 to a file, whole or not at all; its suffix says how."""
    with replaced(path) as temporary:
        # imwrite crashes on names that are not UTF-8, and does not tell of a full disk
        _, content = cv2.imencode(path.suffix, np.ascontiguousarray(picture[..., ::-1]))
        temporary.write_bytes(content)


def _tile(cell: Cell, height: int, width: int, lines: int) -> np.ndarray:
    """A cell, whose picture fits, with room for a number of lines."""
    color, mark = {None: (BLACK, ''), True: (RIGHT, '✓ '), False: (WRONG, '✗ ')}[cell.is_right]
    texts = [mark * (not number) + text for number, text in enumerate(cell.lines)]
    labels = [label_picture(text, _TEXT, color, width) for text in texts]
    below = lines * len(label_picture('x', _TEXT, color, width))
    tile = np.full((height + below + 2 * _GAP, width + 2 * _GAP, 3), 255, np.uint8)
    shown = cell.picture.shape
    tile[_GAP:_GAP + shown[0], _GAP:_GAP + shown[1]] = cell.picture
    _stack_into(tile, labels, _GAP + height)
    return tile


def _stack_into(page: np.ndarray, labels: Sequence[np.ndarray], top: int) -> None:
    for label in labels:
        part = page[top:top + len(label), _GAP:_GAP + label.shape[1]]
        part[...] = label[:part.shape[0], :part.shape[1]]
        top += len(label)
