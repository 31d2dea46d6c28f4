import numpy as np

from ...registry import TRANSFORMS
from ..rand_augment import RandAugment


@TRANSFORMS.register_module()
class ImageRandAugment(RandAugment):
    """:class:`RandAugment` of an image.

    mmpretrain's ``RandAugment`` draws alike, but OpenCV's warps, enhancements and equalisation give
    other pixels than Pillow's.

    Source: facebookresearch/mvit ``mvit/datasets/rand_augment.py``, timm ``auto_augment.py``.
    """

    def transform(self, results: dict) -> dict:
        """Augment 'img', a BGR array (H, W, 3) of uint8."""
        image, = self.augment([np.ascontiguousarray(results['img'][..., ::-1])])
        results['img'] = np.ascontiguousarray(image[..., ::-1])
        return results
