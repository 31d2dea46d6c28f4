"""Windows against slow loops over every window."""
import itertools
import math

import pytest
import torch

from mvitv2_mm.ops import merge_windows, split_windows

CASES = [((8, ), (4, )), ((7, ), (3, )), ((8, 12), (4, 4)), ((7, 10), (4, 3)), ((3, 2), (5, 4)),
         ((5, 7, 4), (2, 3, 4)), ((1, 1, 1), (2, 2, 2))]


def split_loop(x, window):
    grid = x.shape[1:-1]
    counts = [math.ceil(n / w) for n, w in zip(grid, window)]
    out = []
    for sample in x:
        for corner in itertools.product(*map(range, counts)):
            tile = torch.zeros(*window, x.shape[-1], dtype=x.dtype)
            for inner in itertools.product(*map(range, window)):
                pos = tuple(c * w + i for c, w, i in zip(corner, window, inner))
                if all(p < n for p, n in zip(pos, grid)):
                    tile[inner] = sample[pos]
            out.append(tile)
    return torch.stack(out)


@pytest.mark.parametrize('grid, window', CASES)
def test_split_against_loop(grid, window):
    x = torch.randn(2, *grid, 3)
    assert torch.equal(split_windows(x, window), split_loop(x, window))


@pytest.mark.parametrize('grid, window', CASES)
def test_merge_undoes_split(grid, window):
    x = torch.randn(2, *grid, 3)
    assert torch.equal(merge_windows(split_windows(x, window), grid), x)


@pytest.mark.parametrize('grid, window', [((7, 10), (4, 3)), ((5, 4, 4), (2, 3, 4))])
def test_padding_gets_no_gradient_and_every_token_one(grid, window):
    x = torch.randn(1, *grid, 2, dtype=torch.float64, requires_grad=True)
    windows = split_windows(x, window)
    weight = torch.randn_like(windows)
    (windows * weight).sum().backward()
    assert torch.equal(x.grad, merge_windows(weight, grid))
