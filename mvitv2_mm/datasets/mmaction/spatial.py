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
        """Resize 'imgs', bilinear, and the boxes on them."""
        size = int(round(1 / np.random.uniform(1 / self.max_size, 1 / self.min_size)))
        height, width = results['img_shape']
        short = min(height, width)
        # Python integers: the long side is rounded down exactly
        new_height, new_width = height * size // short, width * size // short
        results['imgs'] = [mmcv.imresize(img, (new_width, new_height)) for img in results['imgs']]
        results['img_shape'] = (new_height, new_width)
        _scale_boxes(results, new_width / width, new_height / height)
        return results


@TRANSFORMS.register_module()
class BoxesToPixels(BaseTransform):
    """Turn relative boxes ('gt_bboxes', 'proposals') into pixels, as the steps that crop expect.

    Keeps the relative proposals as 'relative_boxes': a crop may cut a person, but it is the whole
    box that a detection reports.
    """

    def transform(self, results: dict) -> dict:
        height, width = results['img_shape']
        results['relative_boxes'] = results['proposals']
        _scale_boxes(results, width, height)
        return results


def _scale_boxes(results: dict, factor_x: float, factor_y: float) -> None:
    for key in ('gt_bboxes', 'proposals'):
        if key in results:
            factors = np.array([factor_x, factor_y] * 2, results[key].dtype)
            results[key] = results[key] * factors
