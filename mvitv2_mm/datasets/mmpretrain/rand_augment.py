from ...registry import TRANSFORMS
from ..rand_augment import RandAugment


@TRANSFORMS.register_module()
class ImageRandAugment(RandAugment):
    """:class:`RandAugment` of an image.

    mmpretrain's ``RandAugment`` draws alike, but its warps, enhancements and equalisation give
    other pixels than Pillow's.

    Source: facebookresearch/mvit ``mvit/datasets/rand_augment.py``, timm ``auto_augment.py``.
    """

    def transform(self, results: dict) -> dict:
        """Augment 'img', a BGR array (H, W, 3) or a grey one (H, W) of uint8."""
        results['img'], = self.augment([results['img']], from_bgr=True)
        return results
