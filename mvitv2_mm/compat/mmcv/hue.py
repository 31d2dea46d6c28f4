"""Let mmcv's hue jitter work on numpy 2.

Symptom:
    ``OverflowError: Python integer -14 out of bounds for uint8`` at random in training.
Cause:
    mmcv relies on numpy 1, where an out-of-range integer wrapped around.
Repair:
    The function gets a factor whose product wraps around by itself.
Inert:
    On numpy 1, and where the function accepts a negative factor.
"""
import functools
import sys
from types import ModuleType

import numpy as np

from ..versions import NotNeeded, Window

WINDOWS = (Window('mmcv', '2.1', '2.3', tested='2.1.0'), )


class _WrappingHue(float):
    """A hue factor in [-0.5, 0.5] whose product is a valid uint8."""

    def __mul__(self, other):
        return int(float(self) * other) % 256


def check_overflow(adjust_hue) -> None:
    """Raise NotNeeded if a function of an image and a factor takes a negative factor."""
    try:
        adjust_hue(np.zeros((1, 1, 3), np.uint8), -0.1)
    except OverflowError:
        return
    raise NotNeeded('it works on this numpy')


def _repair(module: ModuleType) -> None:
    adjust_hue = module.adjust_hue
    check_overflow(adjust_hue)

    @functools.wraps(adjust_hue)
    def wrapper(img, hue_factor, backend=None):
        return adjust_hue(img, _WrappingHue(hue_factor), backend)

    for name in ('mmcv', 'mmcv.image', module.__name__):
        owner = sys.modules.get(name)
        if getattr(owner, 'adjust_hue', None) is adjust_hue:
            owner.adjust_hue = wrapper


HOOKS = {'mmcv.image.photometric': _repair}
