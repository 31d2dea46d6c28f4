"""Relative positions against loops in plain Python and NumPy."""
import weakref

import numpy as np
import pytest
import torch
from loops import index_loop, resize_loop
from torch._subclasses.fake_tensor import FakeTensorMode

from mvitv2_mm.ops import rel_pos_index, rel_pos_terms, resize_rel_pos

SIZES = [(1, 1), (1, 7), (7, 1), (7, 7), (8, 4), (4, 8), (14, 14), (28, 7), (29, 15), (15, 29),
         (56, 14), (39, 10), (78, 10), (10, 39), (61, 16), (33, 5), (5, 33), (33, 39), (55, 65)]


@pytest.mark.parametrize('q_size, k_size', SIZES)
def test_index_equals_the_official_order(q_size, k_size):
    index = rel_pos_index(q_size, k_size)
    assert index.dtype == torch.int64
    assert index.tolist() == index_loop(q_size, k_size)
    assert index.min() >= 0
    assert index.max() <= 2 * max(q_size, k_size) - 2


@pytest.mark.parametrize('q_size, k_size, differing', [(39, 10, 38), (78, 10, 103)])
def test_other_orders_pick_other_rows(q_size, k_size, differing):
    """Control: exact arithmetic and a folded constant both disagree on the 312 px grids."""
    official = np.array(rel_pos_index(q_size, k_size))
    exact = np.array([[(i * k_size - j * q_size + (k_size - 1) * q_size) // k_size
                       for j in range(k_size)] for i in range(q_size)])
    ratio = np.float32(q_size / k_size)
    folded = (np.arange(q_size, dtype=np.float32)[:, None] -
              (np.arange(k_size, dtype=np.float32) - np.float32(k_size - 1)) * ratio).astype(int)
    assert np.abs(official - exact).max() == 1
    assert (official != exact).sum() == differing
    assert (official != folded).sum() == differing


@pytest.mark.parametrize('dtype', [torch.float64, torch.float16])
def test_index_does_not_depend_on_the_default_dtype(dtype):
    wanted = index_loop(117, 30)  # a pair no other test caches
    torch.set_default_dtype(dtype)
    try:
        assert rel_pos_index(117, 30).tolist() == wanted
    finally:
        torch.set_default_dtype(torch.float32)


def test_index_is_never_negative_on_any_pair_strides_can_produce():
    for stride in (1, 2, 4, 8):
        for k_size in range(1, 31):
            for q_size in range((k_size - 1) * stride + 1, k_size * stride + 1):
                assert rel_pos_index(q_size, k_size).min() >= 0
                assert rel_pos_index(k_size, q_size).min() >= 0


def test_index_made_under_inference_mode_serves_training():
    table = torch.randn(2 * 23 - 1, 4, requires_grad=True)
    with torch.inference_mode():
        rel_pos_index(23, 12)
    table[rel_pos_index(23, 12)].sum().backward()
    assert table.grad.abs().sum() > 0


def test_indices_are_kept_but_not_for_ever():
    """Detection has a new size in every batch."""
    first = weakref.ref(rel_pos_index(1, 2001))
    assert rel_pos_index(1, 2001) is first()
    for size in range(2002, 3002):
        rel_pos_index(1, size)
    assert first() is None


def test_index_made_while_tracing_does_not_leak():

    def bias(x):
        return x * rel_pos_index(19, 5).sum()

    class Module(torch.nn.Module):

        def forward(self, x):
            return bias(x)

    wanted = float(np.sum(index_loop(19, 5)))
    for strict in (False, True):
        exported = torch.export.export(Module(), (torch.ones(1), ), strict=strict).module()
        assert exported(torch.ones(1)).item() == wanted
        assert bias(torch.ones(1)).item() == wanted
        assert type(rel_pos_index(19, 5)) is torch.Tensor


def test_fake_indices_do_not_meet_real_ones():
    wanted = index_loop(21, 6)
    for _ in range(2):  # what either leaves behind must not reach the other
        with FakeTensorMode() as mode:
            table = mode.from_tensor(torch.randn(41, 2))
            assert table[rel_pos_index(21, 6)].shape == (21, 6, 2)
        assert rel_pos_index(21, 6).tolist() == wanted


@pytest.mark.parametrize('src, dst', [(13, 27), (27, 13), (111, 155), (15, 14), (7, 1), (1, 5)])
def test_resize_against_loop(src, dst):
    table = torch.randn(src, 3, dtype=torch.float64)
    out = resize_rel_pos(table, dst)
    assert out.shape == (dst, 3)
    np.testing.assert_allclose(out.numpy(), resize_loop(table.numpy(), dst), atol=1e-13)


def test_resize_to_the_same_length_is_the_same_tensor():
    table = torch.randn(9, 2)
    assert resize_rel_pos(table, 9) is table


@pytest.mark.parametrize('q_grid, k_grid', [((5, 3), (3, 2)), ((2, 3), (5, 7)),
                                            ((2, 3, 5), (2, 2, 3)), ((3, 1, 4), (3, 2, 1))])
def test_terms_against_loops(q_grid, k_grid):
    ndim, dim = len(q_grid), 4
    q = torch.randn(2, 3, *q_grid, dim, dtype=torch.float64)
    tables = [
        torch.randn(2 * max(a, b) - 1, dim, dtype=torch.float64) for a, b in zip(q_grid, k_grid)
    ]
    tables[-1] = torch.randn(4, dim, dtype=torch.float64)  # a length that must be resized
    terms = rel_pos_terms(q, tables, q_grid, k_grid)
    assert len(terms) == ndim
    for axis, term in enumerate(terms):
        assert term.shape == (2, 3, *q_grid, k_grid[axis])
        table = resize_loop(tables[axis].numpy(), 2 * max(q_grid[axis], k_grid[axis]) - 1)
        rows = index_loop(q_grid[axis], k_grid[axis])
        for position in np.ndindex(*q_grid):
            for j in range(k_grid[axis]):
                wanted = q[(slice(None), slice(None),
                            *position)].numpy() @ table[rows[position[axis]][j]]
                got = term[(slice(None), slice(None), *position, j)]
                np.testing.assert_allclose(got.numpy(), wanted, atol=1e-12)
