"""Sampling of images with rare classes against the formula of LVIS."""
import itertools
from collections import Counter

import pytest
from mmengine.registry import DATA_SAMPLERS

from mvitv2_mm.datasets import RepeatFactorSampler
from mvitv2_mm.datasets.mmdet import repeat_factor_sampler

# classes of 1000 images: 0 everywhere, 1 in four, 2 in one of these, 3 in ten
CLASSES = {0: [1], 1: [1], 2: [1], 3: [1, 2, 2], **{i: [3] for i in range(4, 14)}}


class Images:
    """As a detection dataset of mmdet."""

    def __len__(self):
        return 1000

    def get_cat_ids(self, index):
        return [0, *CLASSES.get(index, [])]


def one_pass(sampler, length):
    return list(itertools.islice(iter(sampler), length))


def test_factor_of_an_image_is_that_of_its_rarest_class():
    """max(1, sqrt(0.009 / f)) with f 1, 0.004, 0.001 and 0.01."""
    factors = RepeatFactorSampler(Images(), repeat_threshold=0.009, seed=0).factors.tolist()
    assert factors[:3] == pytest.approx([1.5] * 3)
    assert factors[3] == pytest.approx(3)
    assert factors[4:] == [1.] * 996


def test_factors_hold_on_average_and_no_image_is_missing():
    sampler = RepeatFactorSampler(Images(), repeat_threshold=0.009, seed=0)
    passes = 200
    counts = Counter(one_pass(sampler, passes * 1003 + 700))
    assert counts[3] / passes == pytest.approx(3, rel=0.02)
    for i in range(3):
        assert counts[i] / passes == pytest.approx(1.5, abs=0.12)  # rounded up it would be 2
    first = one_pass(RepeatFactorSampler(Images(), repeat_threshold=0.009, seed=0), 1010)
    assert set(first[:1005]) == set(range(1000))


def test_order():
    orders = [one_pass(RepeatFactorSampler(Images(), seed=seed), 2000) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0][:1000] != orders[0][1000:] and orders[0][:1000] != sorted(orders[0][:1000])


def test_processes_share_one_stream(monkeypatch):
    whole = one_pass(RepeatFactorSampler(Images(), seed=3), 900)
    for rank in range(3):
        monkeypatch.setattr(repeat_factor_sampler, 'get_dist_info', lambda: (rank, 3))
        assert one_pass(RepeatFactorSampler(Images(), seed=3), 300) == whole[rank::3]


def test_builds_in_a_data_loader():
    sampler = DATA_SAMPLERS.build(
        dict(type='mvitv2_mm.RepeatFactorSampler', repeat_threshold=0.001),
        default_args=dict(dataset=Images(), seed=0))
    assert len(sampler) == 1000


def test_other_datasets():
    with pytest.raises(TypeError, match='list has no "get_cat_ids"; use InfiniteSampler'):
        RepeatFactorSampler([1, 2])
