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
    """Turn the hue of an RGB image (H, W, 3) in [0, 255] by 255 times the factor, modulo 180."""
    rgb = np.clip(img, 0, 255).astype(np.uint8)
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(factor * 255)) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)


def _repair(module: ModuleType) -> None:
    check_overflow(module.ColorJitter.adjust_hue)
    module.ColorJitter.adjust_hue = staticmethod(_adjust_hue)


HOOKS = {'mmaction.datasets.transforms.processing': _repair}
