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
        """Augment 'img', a BGR array (H, W, 3) or a grey one (H, W) of uint8."""
        image = results['img']
        if image.ndim == 3:
            image = image[..., ::-1]
        image, = self.augment([np.ascontiguousarray(image)])
        results['img'] = np.ascontiguousarray(image[..., ::-1] if image.ndim == 3 else image)
        return results
