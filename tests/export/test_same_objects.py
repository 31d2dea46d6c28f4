"""Detectors are compared by their objects; only rounding excuses that one of them lacks some."""
import pytest
import torch
from mmengine.structures import InstanceData
from torch import nn

from mvitv2_mm.export.parity import Parity
from mvitv2_mm.export.same_objects import SameObjects, match

BOXES = torch.tensor([[0., 0., 8., 8.], [4., 4., 20., 12.], [10., 0., 14., 30.], [3., 3., 3., 9.]])
SCORES = torch.tensor([0.9, 0.8, 0.6, 0.5])


def objects(chosen=slice(None), **changed):
    masks = torch.zeros(4, 32, 32, dtype=torch.uint8)
    masks[:, 4:20, 4:20] = 200
    found = dict(bboxes=BOXES, scores=SCORES, labels=torch.arange(4), masks=masks)
    return InstanceData(**{**found, **changed})[chosen]


class Finder(nn.Module):
    """Finds all but those whose limit its weight does not reach."""

    def __init__(self, limits=(0., 0., 0., 0.), **changed):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.limits, self.changed = torch.tensor(limits), changed

    def test_step(self, data):
        found = objects(self.weight.detach() >= self.limits, **self.changed)
        return [InstanceData(pred_instances=found)]


def compare(model, exported):
    return SameObjects(model, exported)({})


def test_the_same():
    assert compare(Finder(), Finder()) == (0., 1., 0.)
    nobody = Finder([2.] * 4)
    assert compare(nobody, nobody) == (0., 1., 0.)


def test_what_rounding_decides_is_allowed():
    on_the_edge, surely, never = [0, 0, 0, 1.], [0.] * 4, [0, 0, 0, 2.]
    assert compare(Finder(on_the_edge), Finder(never)) == (0., 6 / 7, 1 / 7)
    on_the_edge[3] += 1e-7  # not found as it is, but with other errors
    assert compare(Finder(on_the_edge), Finder(surely)) == (0., 6 / 7, 1 / 7)


def test_what_is_not_rounding_is_not():
    every, fewer = Finder(), Finder([0, 0, 0, 2.])
    assert compare(every, fewer) == (0., 6 / 7, 0.)
    assert compare(fewer, every) == (0., 6 / 7, 0.)
    with pytest.raises(ValueError, match=r'1 x 3 x 8 x 8 .* and 14\.3% of its answers are others'):
        Parity(every, fewer, 'detection', maps=False)('random', [dict(inputs=torch.zeros(3, 8, 8))])


@pytest.mark.parametrize('change', [
    dict(bboxes=BOXES + 0.2),
    dict(scores=SCORES - 0.002),
    dict(labels=torch.tensor([0, 1, 2, 5])),
    dict(masks=torch.full((4, 32, 32), 60, dtype=torch.uint8)),
])
def test_objects_that_are_not_the_same(change):
    found, _ = match(objects(), objects(**change))
    assert not found[3] and compare(Finder(), Finder(**change))[1] < 1


def test_objects_that_are_nearly_the_same():
    masks = objects().masks
    masks[:, 4:20, 4:20] -= 1
    found, gaps = match(objects(), objects(bboxes=BOXES + 0.05, scores=SCORES + 2e-4, masks=masks))
    assert found.all() and gaps.tolist() == pytest.approx([2e-4] * 4, rel=1e-2)


def test_objects_of_little_score_count_where_there_are_no_others():
    poor = objects(scores=SCORES / 4)
    assert match(poor, poor)[0].tolist() == [True] * 4
    assert len(match(objects(scores=SCORES - 0.35), poor)[0]) == 2
