"""The warps of RandAugment on whole clips: where pixels come from is found out only once.

Frames are those of Pillow's bicubic warps, but for one grey level in some 1 % of the values, where
the last bit decides what is cut off. All of a clip have one size.
"""
import math
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

import cv2
import numpy as np
import torch
from torch.nn.functional import embedding_bag

from .pixels import CUT, cubic_weights

# rotated at once, so that memory is small and used again
_VALUES, _PIXELS = 2**24, 2**14

Frames = List[np.ndarray]
Fill = Sequence[int]


def _rotate(frames: Frames, degrees: float, fill: Fill) -> Frames:
    size = min(max(_VALUES // frames[0].size, 1), 128)  # OpenCV has 512 channels at most
    groups = (frames[start:start + size] for start in range(0, len(frames), size))
    return [frame for group in groups for frame in _rotate_group(group, degrees, fill)]


def _rotate_group(frames: Frames, degrees: float, fill: Fill) -> Frames:
    height, width = frames[0].shape[:2]
    colours = np.empty((height * width + 1, 3 * len(frames)), np.float32)
    colours[:-1] = cv2.merge(frames).reshape(height * width, -1)
    colours[-1] = np.tile(fill, len(frames))
    rotated = np.empty((height * width, 3 * len(frames)), np.uint8)
    for rows in np.array_split(np.arange(height), -(-height * width // _PIXELS)):
        places, weights = _sources(rows, height, width, math.radians(degrees))
        with torch.inference_mode():
            sums = embedding_bag(
                torch.from_numpy(places),
                torch.from_numpy(colours),
                mode='sum',
                per_sample_weights=torch.from_numpy(weights))
        part = rotated[rows[0] * width:(rows[-1] + 1) * width]
        cv2.add(sums.numpy(), CUT, part, dtype=cv2.CV_8U)
    return _split(rotated.reshape(height, width, -1))


def _sources(rows: np.ndarray, height: int, width: int,
             angle: float) -> Tuple[np.ndarray, np.ndarray]:
    """Numbers of the 16 pixels that each pixel of some rows is a sum of, and their weights.

    Both are of shape (N, 16). The colour of the outside has the number H W.
    """
    x, y = np.arange(width) + 0.5 - width / 2, rows[:, None] + 0.5 - height / 2
    cos, sin = math.cos(angle), math.sin(angle)
    from_x, from_y = cos * x - sin * y + width / 2, sin * x + cos * y + height / 2
    is_inside = (0 <= from_x) & (from_x < width) & (0 <= from_y) & (from_y < height)
    lines, of_lines = _taps(from_y, height)
    columns, of_columns = _taps(from_x, width)
    places = cv2.merge([line * width + column for line in lines for column in columns])
    places[~is_inside] = height * width
    weights = cv2.merge([of_line * weight for of_line in of_lines for weight in of_columns])
    return places.reshape(-1, 16), weights.reshape(-1, 16)


def _taps(sources: np.ndarray, size: int) -> Tuple[List[np.ndarray], List[np.ndarray]]:
    """4 pixels along one axis and their weights."""
    before = np.floor(sources - 0.5)
    weights = cubic_weights((sources - 0.5 - before).astype(np.float32))
    before = before.astype(np.int32)
    return [(before + i).clip(0, size - 1) for i in range(-1, 3)], weights


def _split(merged: np.ndarray) -> Frames:
    """Frames whose channels lie side by side, (H, W, T * 3)."""
    height, width, channels = merged.shape
    frames = [np.empty((height, width, 3), np.uint8) for _ in range(channels // 3)]
    cv2.mixChannels([merged], frames, np.repeat(np.arange(channels), 2).tolist())
    return frames


def _shear(frames: Frames, value: float, fill: Fill) -> Frames:
    clip = np.stack(frames)
    shifts = _shifts(value * (np.arange(clip.shape[1]) + 0.5))
    outside = np.tile(np.uint8(fill), clip.shape[2])
    for y, (whole, kernel) in enumerate(shifts):
        clip[:, y] = _shift(clip[:, y], whole, kernel, outside)
    return list(clip)


def _translate(frames: Frames, value: float, fill: Fill) -> Frames:
    rows = np.concatenate(frames)
    (whole, kernel), = _shifts(np.array([value * rows.shape[1]]))
    shifted = _shift(rows, whole, kernel, np.tile(np.uint8(fill), rows.shape[1]))
    return list(shifted.reshape(len(frames), *frames[0].shape))


def _shifts(distances: np.ndarray) -> Iterator[Tuple[int, np.ndarray]]:
    """Whole pixels of each distance, and the weights of the 5 pixels around for its fraction."""
    whole = np.floor(distances + 0.5)
    d = (distances - whole).astype(np.float32)
    weights = np.zeros((len(d), 1, 5), np.float32)
    weights[d >= 0, 0, 1:] = np.stack(cubic_weights(d[d >= 0]), axis=-1)
    weights[d < 0, 0, :-1] = np.stack(cubic_weights(d[d < 0] + 1), axis=-1)
    return zip(whole.astype(int).tolist(), weights)


def _shift(rows: np.ndarray, whole: int, kernel: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Pixels (N, W, 3) of rows that come from further to the right."""
    width = rows.shape[1]
    mixed = cv2.filter2D(rows, -1, kernel, None, None, CUT, cv2.BORDER_REPLICATE)
    first, last = (3 * min(max(x, 0), width) for x in (-whole, width - whole))
    # values of a row side by side: numpy is slow on pixels of three
    mixed = mixed.reshape(-1, width * 3)
    shifted = np.empty_like(mixed)
    shifted[:, :first], shifted[:, last:] = outside[:first], outside[last:]
    shifted[:, first:last] = mixed[:, first + 3 * whole:last + 3 * whole]
    return shifted.reshape(rows.shape)


def _across(warp: Callable[[Frames, float, Fill], Frames]) -> Callable[..., Frames]:
    """The same warp along the other axis."""

    def apply(frames: Frames, value: float, fill: Fill) -> Frames:
        warped = warp([cv2.transpose(frame) for frame in frames], value, fill)
        return [cv2.transpose(frame) for frame in warped]

    return apply


# Operation -> function of frames, value and colour of what comes from outside.
CLIP_WARPS: Dict[str, Callable[[Frames, float, Fill], Frames]] = {
    'Rotate': _rotate,
    'ShearX': _shear,
    'ShearY': _across(_shear),
    'TranslateX': _translate,
    'TranslateY': _across(_translate),
}
