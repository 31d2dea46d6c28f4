"""Steps of mmpretrain that do the same in less time."""
from typing import Any

import numpy as np
from mmpretrain.datasets import transforms as host

from ...registry import TRANSFORMS
from ..pixels import planar, resize


@TRANSFORMS.register_module()
class RandomResizedCrop(host.RandomResizedCrop):
    """mmpretrain's ``RandomResizedCrop`` that resizes with :func:`resize`, as Pillow does.

    Args:
        **kwargs: See mmpretrain's ``RandomResizedCrop``, less ``backend``; ``interpolation`` is
            'bilinear', its default, or 'bicubic'.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(backend='pillow', **kwargs)

    def transform(self, results: dict) -> dict:
        """Crop 'img', an array (H, W, C) or (H, W) of uint8, at random, and resize it."""
        top, left, height, width = self.rand_crop_params(results['img'])
        crop = results['img'][top:top + height, left:left + width]
        results['img'] = resize(crop, self.scale[::-1], self.interpolation)
        results['img_shape'] = results['img'].shape
        return results


@TRANSFORMS.register_module()
class PackInputs(host.PackInputs):
    """mmpretrain's ``PackInputs`` that makes tensors with :func:`planar`."""

    @staticmethod
    def format_input(input_: Any) -> Any:
        is_image = isinstance(input_, np.ndarray) and input_.ndim == 3
        return host.PackInputs.format_input(planar(input_) if is_image else input_)
