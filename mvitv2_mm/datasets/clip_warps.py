"""Affine warps of whole clips, as Pillow's bicubic ones."""
import math
from typing import Callable, Dict, List, Sequence, Tuple

import cv2
import numpy as np
import torch
from torch.nn.functional import embedding_bag

# OpenCV rounds, Pillow cuts off; a whole number stays whatever the last bit of a float says
_CUT = -0.499
Frames = List[np.ndarray]
Fill = Sequence[int]


def warp(frames: Frames, matrix: Sequence[float], fill: Fill) -> Frames:
    """Warp the frames of a clip together: where pixels come from is found out only once.

    Args:
        frames (list[np.ndarray]): RGB of shape (H, W, 3) and uint8, all of one size.
        matrix (Sequence[float]): a, b, c, d, e, f: the pixel (x, y) comes from
            (a x + b y + c, d x + e y + f), where the middle of the first pixel is (0.5, 0.5).
        fill (Sequence[int]): RGB colour of what comes from outside.

    Returns:
        list[np.ndarray]: Frames that differ from those of ``Image.transform`` by 1 at most, in
        pixels where that cuts off a value next to a whole number.
    """
    height, width = frames[0].shape[:2]
    places, weights = _sources(height, width, matrix)
    colours = np.empty((height * width + 1, 3 * len(frames)), np.float32)
    colours[:-1] = cv2.merge(frames).reshape(height * width, -1)
    colours[-1] = np.tile(fill, len(frames))
    with torch.inference_mode():
        warped = embedding_bag(
            torch.from_numpy(places),
            torch.from_numpy(colours),
            mode='sum',
            per_sample_weights=torch.from_numpy(weights)).numpy()
    return _split(cv2.add(warped, _CUT, dtype=cv2.CV_8U).reshape(height, width, -1))


def _sources(height: int, width: int, matrix: Sequence[float]) -> Tuple[np.ndarray, np.ndarray]:
    """Numbers of the pixels that each pixel is a sum of, and their weights, both of shape (H W, K).

    The colour of the outside has the number H W.
    """
    a, b, c, d, e, f = matrix
    x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    from_x, from_y = a * x + b * y + c, d * x + e * y + f
    is_inside = (0 <= from_x) & (from_x < width) & (0 <= from_y) & (from_y < height)
    rows, row_weights = _taps(from_y, height)
    columns, column_weights = _taps(from_x, width)
    places = cv2.merge([row * width + column for row in rows for column in columns])
    places[~is_inside] = height * width
    weights = cv2.merge([of_row * weight for of_row in row_weights for weight in column_weights])
    return places.reshape(height * width, -1), weights.reshape(height * width, -1)


def _taps(sources: np.ndarray, size: int) -> Tuple[List[np.ndarray], List[np.ndarray]]:
    """Pixels along one axis and their weights, by cubic convolution with a = -1."""
    before = np.floor(sources - 0.5)
    d = (sources - 0.5 - before).astype(np.float32)
    before = before.astype(np.int32)
    if not d.any():
        return [before], [np.ones_like(d)]
    squared = d * d
    weights = [
        d * (2 * d - squared - 1), 1 + squared * (d - 2), d * (1 + d - squared), squared * (d - 1)
    ]
    return [(before + i).clip(0, size - 1) for i in range(-1, 3)], weights


def _split(merged: np.ndarray) -> Frames:
    """Frames whose channels lie side by side, (H, W, T * 3)."""
    height, width, channels = merged.shape
    frames = [np.empty((height, width, 3), np.uint8) for _ in range(channels // 3)]
    cv2.mixChannels([merged], frames, np.repeat(np.arange(channels), 2).tolist())
    return frames


def _rotate(frames: Frames, degrees: float, fill: Fill) -> Frames:
    height, width = frames[0].shape[:2]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = width / 2, height / 2
    matrix = cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y
    return warp(frames, matrix, fill)


def _translate_x(frames: Frames, share: float, fill: Fill) -> Frames:
    return warp(frames, (1, 0, share * frames[0].shape[1], 0, 1, 0), fill)


def _translate_y(frames: Frames, share: float, fill: Fill) -> Frames:
    return warp(frames, (1, 0, 0, 0, 1, share * frames[0].shape[0]), fill)


# Operation of RandAugment -> function of frames, value and colour of what comes from outside.
CLIP_WARPS: Dict[str, Callable[[Frames, float, Fill], Frames]] = {
    'Rotate': _rotate,
    'ShearX': lambda frames, value, fill: warp(frames, (1, value, 0, 0, 1, 0), fill),
    'ShearY': lambda frames, value, fill: warp(frames, (1, 0, 0, value, 1, 0), fill),
    'TranslateX': _translate_x,
    'TranslateY': _translate_y,
}
