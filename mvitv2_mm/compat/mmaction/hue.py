"""Let mmaction2's hue jitter work on numpy 2.

Symptom:
    ``OverflowError: Python integer -14 out of bounds for uint8`` at random in training, and
    silently wrong hues.
Cause:
    mmaction2 relies on numpy 1, where an out-of-range integer widened the array.
Repair:
    Its four-line function computes in a wider integer.
Inert:
    On numpy 1, and where the function accepts a negative factor.
"""
from types import ModuleType

import cv2
import numpy as np

from ..mmcv.hue import check_overflow
from ..versions import Window

WINDOWS = (Window('mmaction2', '1.2', '1.3', tested='1.2.0'), )


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


def _repair(module: ModuleType) -> None:
    check_overflow(module.ColorJitter.adjust_hue)
    module.ColorJitter.adjust_hue = staticmethod(_adjust_hue)


HOOKS = {'mmaction.datasets.transforms.processing': _repair}
