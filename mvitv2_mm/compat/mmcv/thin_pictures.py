"""Let mmcv shrink very elongated pictures.

Symptom:
    ``ValueError: height and width must be > 0`` at a random step of a training,
    when a picture of, say, 3000 x 4 pixels is drawn with a small size.
Cause:
    Sides are rounded to whole pixels, a short one to 0.
Repair:
    A side has at least one pixel.
Inert:
    For all other pictures.
"""
from types import ModuleType

from ..versions import Window

WINDOWS = (Window('mmcv', '2.1', '2.3', tested='2.1.0'), )


def _repair(module: ModuleType) -> None:
    scale_size = module._scale_size

    def at_least_a_pixel(size, scale):
        return tuple(max(side, 1) for side in scale_size(size, scale))

    module._scale_size = at_least_a_pixel


HOOKS = {'mmcv.image.geometric': _repair}
