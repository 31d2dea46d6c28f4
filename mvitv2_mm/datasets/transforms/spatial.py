import mmcv
import numpy as np
from mmcv.transforms import BaseTransform

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class ShortSideJitter(BaseTransform):
    """Resize a clip to a random short side whose inverse is uniform.

    Args:
        min_size (int): Smallest short side in pixels.
        max_size (int): Largest short side in pixels.

    Source: SlowFast ``slowfast/datasets/transform.py``, ``random_short_side_scale_jitter`` with
    ``INV_UNIFORM_SAMPLE``.
    """

    def __init__(self, min_size: int, max_size: int) -> None:
        self.min_size = min_size
        self.max_size = max_size

    def transform(self, results: dict) -> dict:
        """Resize 'imgs', bilinear."""
        size = int(round(1 / np.random.uniform(1 / self.max_size, 1 / self.min_size)))
        height, width = results['img_shape']
        short = min(height, width)
        # Python integers: the long side is rounded down exactly
        height, width = height * size // short, width * size // short
        results['imgs'] = [mmcv.imresize(img, (width, height)) for img in results['imgs']]
        results['img_shape'] = (height, width)
        return results
