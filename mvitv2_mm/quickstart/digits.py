"""Handwritten digits that ship with scikit-learn: the source of all quickstart data."""
from functools import lru_cache
from typing import Tuple

import cv2
import numpy as np
from sklearn.datasets import load_digits

SPLITS = ('train', 'val')
CLASSES = tuple(str(digit) for digit in range(10))
VAL_EVERY = 5


@lru_cache(maxsize=None)
def source_digits() -> Tuple[np.ndarray, np.ndarray]:
    """The 1797 digits as images (1797, 8, 8) in [0, 1] and labels (1797, )."""
    digits = load_digits()
    return digits.images.astype(np.float32) / 16, digits.target


def split_sources(split: str) -> np.ndarray:
    """Indices of the source digits of one split; every fifth digit is held out.

    The sets are disjoint, so no digit seen in training is ever tested, in none of the tasks.
    """
    indices = np.arange(len(source_digits()[1]))
    held_out = indices % VAL_EVERY == VAL_EVERY - 1
    return indices[held_out if split == 'val' else ~held_out]


def render(source: int, size: int) -> np.ndarray:
    """Enlarge a digit to an opacity map (size, size) in [0, 1]."""
    image = source_digits()[0][source]
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def random_background(rng: np.random.Generator, size: int) -> np.ndarray:
    """A smooth dark colour gradient (size, size, 3) in [0, 255]."""
    corners = rng.uniform(20, 110, 3) + rng.normal(0, 10, (3, 3, 3))
    return cv2.resize(corners, (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 255)


def random_ink(rng: np.random.Generator) -> np.ndarray:
    """A light colour (3, ), brighter than any background."""
    return rng.uniform(150, 255, 3)


def paste(canvas: np.ndarray, opacity: np.ndarray, ink: np.ndarray, top: int, left: int) -> None:
    """Draw a digit into ``canvas`` (H, W, 3), in place."""
    height, width = opacity.shape
    region = canvas[top:top + height, left:left + width]
    region += opacity[..., None] * (ink - region)


def finish(canvas: np.ndarray, rng: np.random.Generator, noise: float = 8.) -> np.ndarray:
    """Add Gaussian pixel noise (standard deviation ``noise``) and round to uint8."""
    return (canvas + rng.normal(0, noise, canvas.shape)).clip(0, 255).astype(np.uint8)
