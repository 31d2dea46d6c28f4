from typing import Tuple

import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmdet.datasets.transforms import RandomCrop

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class FixedSizeCrop(RandomCrop):
    """mmdet's crop, but one random number places it on both axes.

    Large-scale jittering was defined so: only windows along the diagonal of the image are seen.

    Source: detectron2 ``data/transforms/augmentation_impl.py``.
    """

    @cache_randomness
    def _rand_offset(self, margin: Tuple[int, int]) -> Tuple[int, int]:
        share = np.random.uniform()
        return round(share * margin[0]), round(share * margin[1])
