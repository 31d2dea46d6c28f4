"""RandAugment of timm, for images and for clips."""
from typing import Callable, Dict, List, Sequence, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from numpy.lib.stride_tricks import sliding_window_view

from .clip_warps import CLIP_WARPS
from .pixels import CUT, contiguous, cubic_weights

_MAX_LEVEL = 10.
_LEVELS = np.arange(256)
_SMOOTH = np.float32([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
Fill = Sequence[int]


def _canvas(img: np.ndarray, fill: Fill) -> np.ndarray:
    return cv2.merge([np.full(img.shape[:2], value, np.uint8) for value in fill])


def _shear(img: np.ndarray, value: float, fill: Fill) -> np.ndarray:
    height, width = img.shape[:2]
    shifts = value * (np.arange(height) + 0.5)
    start = np.floor(shifts).astype(int)
    margin = abs(start).max() + 2
    padded = cv2.copyMakeBorder(img, 0, 0, margin, margin, cv2.BORDER_REPLICATE)
    windows = sliding_window_view(padded.reshape(height, -1), (width + 3) * 3, axis=1)
    rows = windows[np.arange(height), (start + margin - 1) * 3].astype(np.float32)
    taps = sliding_window_view(rows, width * 3, axis=1)[:, ::3]  # (height, 4, width * 3)
    weights = np.stack(cubic_weights(shifts - start), -1).astype(np.float32)
    values = np.einsum('yk,ykx->yx', weights, taps)
    # a pixel is outside if its centre is
    first, x = np.ceil(-0.5 - shifts).astype(np.int16)[:, None], np.arange(width, dtype=np.int16)
    inside = ((x >= first) & (x < first + width)).view(np.uint8)
    sheared = cv2.add(values, CUT, dtype=cv2.CV_8U).reshape(img.shape)
    return cv2.copyTo(sheared, inside, _canvas(img, fill))


def _shear_y(img: np.ndarray, value: float, fill: Fill) -> np.ndarray:
    return cv2.transpose(_shear(cv2.transpose(img), value, fill))


def _as_clip(warp: Callable) -> Callable:
    """A warp of clips that is as fast on one picture."""

    def apply(img: np.ndarray, value: float, fill: Fill) -> np.ndarray:
        return warp([img], value, fill)[0]

    return apply


def _rotate(img: np.ndarray, degrees: float, fill: Fill) -> np.ndarray:
    height, width = img.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return cv2.warpAffine(
        img, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=tuple(fill))


def _look_up(img: np.ndarray, table: np.ndarray) -> np.ndarray:
    return cv2.LUT(img, table.astype(np.uint8))


def _each_channel(make_table: Callable) -> Callable:
    """An operation with a table for each channel, which depends on its pixels."""

    def apply(img: np.ndarray, *_) -> np.ndarray:
        return cv2.merge([_look_up(plane, make_table(plane)) for plane in cv2.split(img)])

    return apply


def _stretch(plane: np.ndarray) -> np.ndarray:
    low, high = int(plane.min()), int(plane.max())
    if high == low:
        return _LEVELS
    scale = 255. / (high - low)
    return (_LEVELS * scale + -low * scale).clip(0, 255)


def _equalize(plane: np.ndarray) -> np.ndarray:
    counts = cv2.calcHist([plane], [0], None, [256], [0, 256]).ravel().astype(int)
    step = (plane.size - counts[counts > 0][-1]) // 255
    if not step:
        return _LEVELS
    return np.minimum((step // 2 + np.cumsum(counts) - counts) // step, 255)


def _posterize(img: np.ndarray, value: float, _) -> np.ndarray:
    # Pillow's own posterize refuses to keep 0 bits
    return img & np.uint8(256 - 2**(4 + int(value)))


def _solarize(img: np.ndarray, value: float, _) -> np.ndarray:
    return _look_up(img, np.where(_LEVELS < 256 - int(value), _LEVELS, 255 - _LEVELS))


def _solarize_add(img: np.ndarray, add: float, _) -> np.ndarray:
    return _look_up(img, np.where(_LEVELS < 128, np.minimum(_LEVELS + int(add), 255), _LEVELS))


def _away_from(level: int, img: np.ndarray, value: float) -> np.ndarray:
    table = level + np.float32(1 + value) * (_LEVELS - level).astype(np.float32)
    return _look_up(img, table.clip(0, 255))


def _contrast(img: np.ndarray, value: float, _) -> np.ndarray:
    mean = int(cv2.mean(cv2.cvtColor(img, cv2.COLOR_RGB2GRAY))[0] + 0.5)
    return _away_from(mean, img, value)


def _color(img: np.ndarray, value: float, _) -> np.ndarray:
    grey = cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(img, 1 + value, grey, -value, CUT)


def _sharpness(img: np.ndarray, value: float, _) -> np.ndarray:
    smooth = cv2.filter2D(img, -1, _SMOOTH)
    smooth[[0, -1]], smooth[:, [0, -1]] = img[[0, -1]], img[:, [0, -1]]
    return cv2.addWeighted(img, 1 + value, smooth, -value, CUT)


# Operation -> (function of image, value and colour of the border, value at the highest magnitude,
# sign is random). The value grows linearly from 0. timm's "increasing" set: more magnitude is more
# change. An image is an RGB array (H, W, 3) of uint8, and no function writes into it.
OPERATIONS: Dict[str, Tuple[Callable, float, bool]] = {
    'AutoContrast': (_each_channel(_stretch), 0, False),
    'Equalize': (_each_channel(_equalize), 0, False),
    'Invert': (lambda img, *_: ~img, 0, False),
    'Rotate': (_rotate, 30, True),
    'Posterize': (_posterize, 4, False),
    'Solarize': (_solarize, 256, False),
    'SolarizeAdd': (_solarize_add, 110, False),
    'Color': (_color, 0.9, True),
    'Contrast': (_contrast, 0.9, True),
    'Brightness': (lambda img, value, _: _away_from(0, img, value), 0.9, True),
    'Sharpness': (_sharpness, 0.9, True),
    'ShearX': (_shear, 0.3, True),
    'ShearY': (_shear_y, 0.3, True),
    'TranslateX': (_as_clip(CLIP_WARPS['TranslateX']), 0.45, True),
    'TranslateY': (_as_clip(CLIP_WARPS['TranslateY']), 0.45, True),
}
_NAMES = list(OPERATIONS)


def apply_operation(name: str,
                    frames: List[np.ndarray],
                    magnitude: float,
                    sign: int,
                    fill: Fill = (128, 128, 128)) -> List[np.ndarray]:
    """Apply one operation to all frames of a clip.

    Pixels are those of timm, which uses Pillow, but for a grey level here and there. Rotations of a
    single picture differ more, by a grey level on average: OpenCV's bicubic kernel is a little
    softer (-0.75 where Pillow has -1), and it fades into the fill over two pixels at the border of
    the picture.

    Args:
        name (str): Key of ``OPERATIONS``.
        frames (list[np.ndarray]): RGB arrays (H, W, 3) of uint8.
        magnitude (float): Strength in [0, 10].
        sign (int): Direction, 1 or -1; only read by operations that have two.
        fill (Sequence[int]): RGB colour of what comes in from outside.
            Defaults to (128, 128, 128).
    """
    function, value_range, signed = OPERATIONS[name]
    value = magnitude / _MAX_LEVEL * value_range * (sign if signed else 1)
    if name in CLIP_WARPS and len(frames) > 1 and len({frame.shape for frame in frames}) == 1:
        return CLIP_WARPS[name](frames, value, fill)
    return [function(frame, value, fill) for frame in frames]


class RandAugment(BaseTransform):
    """RandAugment with the increasing set of 15 operations.

    ``magnitude=9, num_ops=6`` is ``rand-m9-n6-mstd0.5-inc1`` in timm's notation: six operations
    drawn with replacement, each applied with probability 0.5 and its own magnitude from a normal
    distribution; bicubic.

    Args:
        magnitude (float): Mean of the magnitude in [0, 10].
        num_ops (int): Number of operations drawn.
        magnitude_std (float): Standard deviation of the magnitude. Defaults to 0.5.
        prob (float): Probability of each drawn operation. Defaults to 0.5.
        fill (Sequence[int]): RGB colour of what comes in from outside.
            Defaults to (128, 128, 128).
    """

    def __init__(self,
                 magnitude: float,
                 num_ops: int,
                 magnitude_std: float = 0.5,
                 prob: float = 0.5,
                 fill: Fill = (128, 128, 128)) -> None:
        self.magnitude = magnitude
        self.num_ops = num_ops
        self.magnitude_std = magnitude_std
        self.prob = prob
        self.fill = fill

    def augment(self, frames: List[np.ndarray], from_bgr: bool = False) -> List[np.ndarray]:
        """Augment arrays of uint8, all in the same way.

        Args:
            frames (list[np.ndarray]): Of shape (H, W, 3), or grey of shape (H, W).
            from_bgr (bool): The order of the channels is BGR, not RGB. Defaults to False.

        Returns:
            list[np.ndarray]: New arrays, or the same ones where no operation is drawn.

        Raises:
            ValueError: If they have another number of channels.
        """
        if any(frame.ndim == 3 and frame.shape[2] != 3 for frame in frames):
            raise ValueError(f'{type(self).__name__} augments pictures of 1 or 3 channels, but got '
                             f'{frames[0].shape[2]}; take it out of the pipeline')
        steps = self._draw()
        if not steps:
            return frames
        is_grey = frames[0].ndim == 2
        to_rgb, back = (cv2.COLOR_GRAY2RGB, cv2.COLOR_RGB2GRAY) if is_grey else \
            (cv2.COLOR_BGR2RGB, cv2.COLOR_RGB2BGR)
        frames = [contiguous(frame) for frame in frames]
        if is_grey or from_bgr:
            frames = [cv2.cvtColor(frame, to_rgb) for frame in frames]
        for step in steps:
            frames = apply_operation(step[0], frames, *step[1:], self.fill)
        return [cv2.cvtColor(frame, back) for frame in frames] if is_grey or from_bgr else frames

    def _draw(self) -> List[Tuple[str, float, int]]:
        """Operations with their magnitude and sign."""
        steps = []
        for index in np.random.randint(len(_NAMES), size=self.num_ops):
            if np.random.rand() < self.prob:
                magnitude = np.random.normal(self.magnitude, self.magnitude_std)
                sign = 2 * np.random.randint(2) - 1
                steps.append((_NAMES[index], min(max(magnitude, 0.), _MAX_LEVEL), sign))
        return steps
