"""Random masks for self-supervised pre-training."""
import math
from typing import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from ...registry import TRANSFORMS

_MAX_ATTEMPTS = 100


@TRANSFORMS.register_module()
class MaskCubes(BaseTransform):
    """Mask random cubes of a clip until a share of its cells is masked.

    A cube lasts a random number of frames; its area and the logarithm of its aspect ratio are
    uniform, its sides shorter than the grid. Cubes that would mask too many cells are drawn again;
    after 100 of those in a row the mask stays as it is, for two masks in three a few cells short.

    Args:
        grid_size (Sequence[int]): Cells (t, h, w) of the mask. Defaults to (8, 7, 7).
        mask_ratio (float): Share of the cells to mask. Defaults to 0.4.
        min_area (int): Smallest spatial area of a cube in cells. Defaults to 9.
        max_area (int): Largest spatial area of a cube in cells. Defaults to 49.
        min_aspect (float): Smallest ratio of height to width; its inverse is the largest. Defaults
            to 0.3.

    Source: SlowFast ``slowfast/datasets/transform.py``, ``MaskingGenerator3D``.
    """

    def __init__(self,
                 grid_size: Sequence[int] = (8, 7, 7),
                 mask_ratio: float = 0.4,
                 min_area: int = 9,
                 max_area: int = 49,
                 min_aspect: float = 0.3) -> None:
        self.grid_size = tuple(grid_size)
        self.num_masked = round(math.prod(self.grid_size) * mask_ratio)
        self.area = (min_area, max_area)
        self.log_aspect = (math.log(min_aspect), -math.log(min_aspect))

    def transform(self, results: dict) -> dict:
        """Add 'mask', a tensor of bool and shape (t, h, w), True where masked."""
        mask = np.zeros(self.grid_size, bool)
        while mask.sum() < self.num_masked and self._add_cube(mask):
            pass
        results['mask'] = torch.from_numpy(mask)
        return results

    def _add_cube(self, mask: np.ndarray) -> bool:
        """Mask one cube, if one is found that adds cells but not too many."""
        room = self.num_masked - mask.sum()
        for _ in range(_MAX_ATTEMPTS):
            cube = self._draw_cube()
            if cube and 0 < (~mask[cube]).sum() <= room:
                mask[cube] = True
                return True
        return False

    def _draw_cube(self) -> tuple:
        """Slices of a random cube, empty if its sides are too long."""
        area = np.random.uniform(*self.area)
        aspect = math.exp(np.random.uniform(*self.log_aspect))
        time, height, width = self.grid_size
        size = (np.random.randint(1, time + 1), round(math.sqrt(area * aspect)),
                round(math.sqrt(area / aspect)))
        if size[1] >= height or size[2] >= width:
            return ()
        starts = [np.random.randint(n - s + 1) for n, s in zip(self.grid_size, size)]
        return tuple(slice(start, start + s) for start, s in zip(starts, size))
