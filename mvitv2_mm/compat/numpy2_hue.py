"""Let hue jitter work on numpy 2.

Symptom:
    ``OverflowError: Python integer -14 out of bounds for uint8`` at random in
    training; in mmaction2 also silently wrong hues.
Cause:
    mmcv and mmaction2 rely on numpy 1, where an out-of-range integer wrapped
    around (mmcv) or widened the array (mmaction2).
Repair:
    mmcv gets a factor whose product wraps around by itself; mmaction2's
    four-line function computes in a wider integer.
Inert:
    On numpy 1, and where the functions accept a negative factor.
"""
import functools
import sys
from types import ModuleType

import cv2
import numpy as np

from .import_hooks import after_import


class _WrappingHue(float):
    """A hue factor in [-0.5, 0.5] whose product is a valid uint8."""

    def __mul__(self, other):
        return int(float(self) * other) % 256


def _overflows(adjust_hue) -> bool:
    try:
        adjust_hue(np.zeros((1, 1, 3), np.uint8), -0.1)
    except OverflowError:
        return True
    return False


def _repair_mmcv(module: ModuleType) -> None:
    adjust_hue = module.adjust_hue
    if not _overflows(adjust_hue):
        return

    @functools.wraps(adjust_hue)
    def wrapper(img, hue_factor, backend=None):
        return adjust_hue(img, _WrappingHue(hue_factor), backend)

    for name in ('mmcv', 'mmcv.image', module.__name__):
        owner = sys.modules.get(name)
        if getattr(owner, 'adjust_hue', None) is adjust_hue:
            owner.adjust_hue = wrapper


def _adjust_hue(img: np.ndarray, factor: float) -> np.ndarray:
    """Shift the hue of an RGB image, as mmaction2 does on numpy 1.

    Args:
        img (np.ndarray): RGB image in [0, 255], shape (H, W, 3).
        factor (float): Shift in [-0.5, 0.5]; times 255, modulo 180.

    Returns:
        np.ndarray: float32 image, shape (H, W, 3).
    """
    rgb = np.clip(img, 0, 255).astype(np.uint8)
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(factor * 255)) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)


def _repair_mmaction(module: ModuleType) -> None:
    if _overflows(module.ColorJitter.adjust_hue):
        module.ColorJitter.adjust_hue = staticmethod(_adjust_hue)


def apply() -> None:
    after_import('mmcv.image.photometric', _repair_mmcv)
    after_import('mmaction.datasets.transforms.processing', _repair_mmaction)
