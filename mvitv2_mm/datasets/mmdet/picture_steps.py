"""Steps of mmdet that do the same in less time."""
import mmcv
from mmdet.datasets import transforms as host

from ...registry import TRANSFORMS
from ..pixels import planar, resize


@TRANSFORMS.register_module()
class ResizeObjects(host.Resize):
    """mmdet's ``Resize`` that resizes pictures with :func:`resize`, as Pillow does.

    Args:
        **kwargs: See mmdet's ``Resize``, less ``backend``; ``interpolation`` is 'bilinear', its
            default, or 'bicubic'.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(backend='pillow', **kwargs)

    def _resize_img(self, results: dict) -> None:
        height, width = results['img'].shape[:2]
        size = results['scale']
        if self.keep_ratio:
            size = mmcv.rescale_size((width, height), size)
        results['img'] = resize(results['img'], size, self.interpolation)
        results['img_shape'] = results['img'].shape[:2]
        results['scale_factor'] = size[0] / width, size[1] / height
        results['keep_ratio'] = self.keep_ratio


@TRANSFORMS.register_module()
class PackDetInputs(host.PackDetInputs):
    """mmdet's ``PackDetInputs`` that makes tensors with :func:`planar`."""

    def transform(self, results: dict) -> dict:
        """Pack 'img' and the objects; see mmdet's ``PackDetInputs``."""
        results['img'] = planar(results['img'])
        return super().transform(results)
