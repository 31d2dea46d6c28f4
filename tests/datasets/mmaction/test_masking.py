"""Random masks against a generator that draws cell by cell."""
import math
import random

import numpy as np
import torch

from mvitv2_mm.registry import TRANSFORMS

GRID = (8, 7, 7)


def draw(num, **kwargs):
    generate = TRANSFORMS.build(dict(type='MaskCubes', **kwargs))
    return np.stack([generate(dict())['mask'].numpy() for _ in range(num)])


def slow_mask():
    """Cubes as sets of cells: 157 of 8 x 7 x 7, areas of 9-49, aspects of 0.3-1/0.3."""
    masked, failures = set(), 0
    while len(masked) < 157 and failures < 100:
        failures += 1
        area, aspect = random.uniform(9,
                                      49), math.exp(random.uniform(math.log(0.3), -math.log(0.3)))
        height, width = int(round((area * aspect)**0.5)), int(round((area / aspect)**0.5))
        if height > 6 or width > 6:
            continue
        duration = random.randint(1, 8)
        t, y, x = random.randint(0, 8 - duration), random.randint(0, 7 - height), random.randint(
            0, 7 - width)
        cube = {(t + a, y + b, x + c)
                for a in range(duration)
                for b in range(height)
                for c in range(width)} - masked
        if 0 < len(cube) <= 157 - len(masked):
            masked, failures = masked | cube, 0
    mask = np.zeros(GRID, bool)
    mask[tuple(zip(*masked))] = True
    return mask


def profile(masks):
    """Statistics that tell cubes of other sizes, places or numbers apart."""
    counts = masks.sum((1, 2, 3))
    same = [(np.diff(masks, axis=axis) == 0).mean() for axis in (1, 3)]
    return dict(
        count=[counts.mean() / 100, (counts == 157).mean()],
        time=masks.mean((0, 2, 3)),
        height=masks.mean((0, 1, 3)),
        width=masks.mean((0, 1, 2)),
        neighbours=same)


def test_masks_are_distributed_as_those_of_a_slow_generator():
    masks = draw(600)
    assert masks.shape[1:] == GRID and masks.dtype == bool
    counts = masks.sum((1, 2, 3))
    assert counts.max() == 157 and counts.min() > 130 and counts.mean() > 155
    ours, slow = profile(masks), profile(np.stack([slow_mask() for _ in range(600)]))
    other = profile(draw(200, min_area=4, max_area=16))  # smaller cubes
    for key, value in slow.items():
        np.testing.assert_allclose(ours[key], value, atol=0.07, err_msg=key)
    assert np.abs(np.subtract(other['neighbours'], slow['neighbours'])).max() > 0.02


def test_one_frame():
    assert set(draw(20, grid_size=(1, 7, 7)).sum((1, 2, 3))) <= set(range(9, 21))


def test_options_and_seed():
    assert draw(3, grid_size=(2, 4, 4), mask_ratio=0.5, min_area=1, max_area=4).sum() <= 3 * 16
    np.random.seed(3)
    first = TRANSFORMS.build(dict(type='MaskCubes'))(dict(label=1))
    np.random.seed(3)
    second = TRANSFORMS.build(dict(type='MaskCubes'))(dict(label=1))
    assert first['label'] == 1 and torch.equal(first['mask'], second['mask'])
    assert not torch.equal(first['mask'], TRANSFORMS.build(dict(type='MaskCubes'))({})['mask'])
