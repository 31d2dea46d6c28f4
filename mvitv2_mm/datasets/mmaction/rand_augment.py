from ...registry import TRANSFORMS
from ..rand_augment import RandAugment


@TRANSFORMS.register_module()
class ClipRandAugment(RandAugment):
    """:class:`RandAugment` of a clip: one draw of operations and magnitudes for all frames.

    Source: SlowFast ``slowfast/datasets/rand_augment.py``, a clip version of timm's
    ``auto_augment.py``.
    """

    def transform(self, results: dict) -> dict:
        """Augment 'imgs', a list of RGB arrays (H, W, 3) of uint8."""
        results['imgs'] = self.augment(results['imgs'])
        return results
