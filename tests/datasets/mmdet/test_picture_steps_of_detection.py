"""Fast steps do what mmdet's do."""
import numpy as np
import pytest
import synthetic_data
import torch
from mmdet.datasets import transforms as host
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import PolygonMasks

from mvitv2_mm.datasets.mmdet.fixed_size_crop import FixedSizeCrop
from mvitv2_mm.datasets.mmdet.picture_steps import PackDetInputs, ResizeObjects

# a triangle, two squares of one object, and one that crosses itself
POLYGONS = [[np.array([10, 5, 70, 20, 30, 50.])],
            [np.array([0, 0, 8, 0, 8, 8, 0, 8.]),
             np.array([60, 40, 79, 40, 79, 59, 60, 59.])],
            [np.array([20, 20, 40, 40, 40, 20, 20, 40.])]]


def make_results(view=np.s_[:]):
    masks = PolygonMasks(POLYGONS, 60, 80)
    return dict(
        img=synthetic_data.make_image(0, (60, 80))[view],
        img_shape=(60, 80),
        gt_bboxes=masks.get_bboxes(HorizontalBoxes),
        gt_bboxes_labels=np.arange(3),
        gt_ignore_flags=np.array([False, False, True]),
        gt_masks=masks)


@pytest.mark.parametrize('scale', [(40, 40), (200, 200), (80, 60)])
@pytest.mark.parametrize('keep_ratio', [True, False])
@pytest.mark.parametrize('view', [np.s_[:], np.s_[:, ::-1]])
def test_resizing_is_that_of_mmdet_with_pillow(scale, keep_ratio, view):
    options = dict(scale=scale, keep_ratio=keep_ratio)
    ours = ResizeObjects(**options)(make_results(view))
    theirs = host.Resize(**options, backend='pillow')(make_results(view))
    assert ours.keys() == theirs.keys()
    for key in ('img_shape', 'scale_factor', 'keep_ratio', 'scale'):
        assert ours[key] == theirs[key]
    assert np.abs(ours['img'].astype(int) - theirs['img']).max() <= 1
    assert torch.equal(ours['gt_bboxes'].tensor, theirs['gt_bboxes'].tensor)
    assert np.array_equal(ours['gt_masks'].to_ndarray(), theirs['gt_masks'].to_ndarray())


@pytest.mark.parametrize('view', [np.s_[:], np.s_[:, ::-1], np.s_[5:40, 7:60]])
def test_packs_are_those_of_mmdet(view):
    ours, theirs = (step(make_results(view)) for step in (PackDetInputs(), host.PackDetInputs()))
    assert torch.equal(ours['inputs'], theirs['inputs']) and ours['inputs'].is_contiguous()
    ours, theirs = (packed['data_samples'] for packed in (ours, theirs))
    assert ours.metainfo == theirs.metainfo
    assert torch.equal(ours.gt_instances.labels, theirs.gt_instances.labels)
    assert len(ours.ignored_instances) == len(theirs.ignored_instances) == 1


@pytest.mark.parametrize('size', [(80, 60), (50, 30), (25, 55)])
def test_windows_cut_objects_as_those_of_mmdet(size, monkeypatch):
    """Also the parts of an object, and one that crosses itself, wherever the window is."""
    intersected, crop = [], PolygonMasks.crop
    monkeypatch.setattr(PolygonMasks, 'crop', lambda masks, box:
                        (intersected.append(len(masks)), crop(masks, box))[1])
    options = dict(crop_size=size, recompute_bbox=True, allow_negative_crop=True)
    ours, theirs = FixedSizeCrop(**options), host.RandomCrop(**options)
    for share in np.linspace(0, 1, 7):
        monkeypatch.setattr(np.random, 'uniform', lambda: share)
        monkeypatch.setattr(np.random, 'randint', lambda low, high: round(share * (high - 1)))
        result, expected = ours(make_results()), theirs(make_results())
        assert np.array_equal(result['img'], expected['img'])
        assert len(result['gt_masks']) == len(expected['gt_masks'])
        assert np.array_equal(result['gt_masks'].to_ndarray(), expected['gt_masks'].to_ndarray())
        assert torch.allclose(result['gt_bboxes'].tensor, expected['gt_bboxes'].tensor)
    if size == (80, 60):  # ours has to compute the one that crosses itself
        assert set(intersected[::2]) == {1} and set(intersected[1::2]) == {3}
