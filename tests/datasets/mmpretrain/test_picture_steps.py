"""Fast steps do what mmpretrain's do."""
import numpy as np
import pytest
import synthetic_data
import torch
from mmpretrain.datasets import transforms as host

from mvitv2_mm.datasets.mmpretrain.picture_steps import PackInputs, RandomResizedCrop

PHOTO = synthetic_data.make_image(0, (300, 410))


@pytest.mark.parametrize('interpolation', ['bicubic', 'bilinear'])
@pytest.mark.parametrize('picture', [PHOTO, PHOTO[..., 0]], ids=['colour', 'grey'])
def test_crops_are_those_of_mmpretrain_with_pillow(picture, interpolation):
    options = dict(scale=(64, 96), interpolation=interpolation)
    ours, theirs = RandomResizedCrop(**options), host.RandomResizedCrop(**options, backend='pillow')
    for seed in range(20):
        np.random.seed(seed)
        result = ours(dict(img=picture))
        drawn = np.random.rand()
        np.random.seed(seed)
        expected = theirs(dict(img=picture))
        assert drawn == np.random.rand()
        assert result['img_shape'] == expected['img_shape'] == result['img'].shape
        assert np.abs(result['img'].astype(int) - expected['img']).max() <= 1


@pytest.mark.parametrize('picture', [PHOTO, PHOTO[:, ::-1], PHOTO[..., 0], PHOTO[..., :1]])
def test_packs_are_those_of_mmpretrain(picture):
    results = dict(img=picture, gt_label=3, img_path='a.jpg', flip=True)
    ours, theirs = (step(dict(results)) for step in (PackInputs(), host.PackInputs()))
    assert torch.equal(ours['inputs'], theirs['inputs']) and ours['inputs'].is_contiguous()
    ours, theirs = (packed['data_samples'] for packed in (ours, theirs))
    assert ours.metainfo == theirs.metainfo and torch.equal(ours.gt_label, theirs.gt_label)
