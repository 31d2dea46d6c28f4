from typing import List, Tuple, Union

import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmdet.datasets.transforms import RandomCrop
from mmdet.structures.mask import PolygonMasks
from shapely.geometry import Polygon

from ...registry import TRANSFORMS


class _Polygons(PolygonMasks):
    """mmdet's polygons, whose ``crop`` only computes the objects that the window cuts.

    It computes the intersection of every polygon with the window.
    """

    def __getitem__(self, index: Union[np.ndarray, List[int], int]) -> '_Polygons':
        return _Polygons(super().__getitem__(index).masks, self.height, self.width)

    def crop(self, bbox: np.ndarray) -> PolygonMasks:
        """Crop to a window (x1, y1, x2, y2) in pixels."""
        places = [i for i, polygons in enumerate(self.masks) if not _are_inside(polygons, bbox)]
        cropped = PolygonMasks([self.masks[i] for i in places], self.height, self.width).crop(bbox)
        masks = [[polygon - np.resize(bbox[:2], len(polygon)) for polygon in polygons]
                 for polygons in self.masks]
        for i, polygons in zip(places, cropped.masks):
            masks[i] = polygons
        return PolygonMasks(masks, cropped.height, cropped.width)


def _are_inside(polygons: List[np.ndarray], bbox: np.ndarray) -> bool:
    """Whether polygons lie in a window, and do not cross themselves, which mmdet repairs."""
    points = [polygon.reshape(-1, 2) for polygon in polygons]
    return all((p.min(0) >= bbox[:2]).all() and (p.max(0) <= bbox[2:]).all() and Polygon(p).is_valid
               for p in points)


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

    def _crop_data(self, results: dict, *args) -> Union[dict, None]:
        masks = results.get('gt_masks')
        if isinstance(masks, PolygonMasks):
            results['gt_masks'] = _Polygons(masks.masks, masks.height, masks.width)
        return super()._crop_data(results, *args)
