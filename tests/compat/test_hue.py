"""Hue jitter: repaired functions equal the originals as they work on numpy 1."""
import contextlib
import importlib
import sys
from types import ModuleType

import cv2
import mmcv
import numpy as np
import pytest
from PIL import Image

from mvitv2_mm.compat.mmaction import hue as mmaction_hue
from mvitv2_mm.compat.mmcv import hue as mmcv_hue
from mvitv2_mm.compat.versions import NotNeeded

NUMPY_1 = np.__version__.startswith('1.')
FACTORS = (-.5, -.11, -.003, 0., .004, .25, .5)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize('factor', FACTORS)
def test_mmcv_hue(image, factor):
    """Against the shift by ``int(factor * 255)`` on a circle of 256, and unlike no shift."""
    shift = int(factor * 255)
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV_FULL)
    hsv[..., 0] = (hsv[..., 0].astype(int) + shift) % 256
    expected = dict(cv2=cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR_FULL))
    hue, *rest = Image.fromarray(image[..., ::-1]).convert('HSV').split()
    hue = Image.fromarray(((np.array(hue).astype(int) + shift) % 256).astype(np.uint8))
    expected['pillow'] = np.array(Image.merge('HSV', (hue, *rest)).convert('RGB'))[..., ::-1]
    for backend, result in expected.items():
        np.testing.assert_array_equal(mmcv.adjust_hue(image, factor, backend), result)
        wrapped = mmcv.adjust_hue(image, mmcv_hue._WrappingHue(factor), backend)
        np.testing.assert_array_equal(wrapped, result)
        assert (result != mmcv.adjust_hue(image, 0., backend)).any() == (shift != 0)


@pytest.mark.parametrize('factor', [factor for factor in FACTORS if factor <= .25])
def test_mmaction_hue(image, factor):
    """Equal to mmaction2 on numpy 1, which is right up to a factor of 0.3."""
    if not NUMPY_1:
        pytest.skip('the reference needs numpy 1')
    jitter = importlib.import_module('mmaction.datasets.transforms.processing').ColorJitter
    repaired = mmaction_hue._adjust_hue(image.astype(np.float32), factor)
    np.testing.assert_array_equal(repaired, jitter.adjust_hue(image.astype(np.float32), factor))
    assert repaired.dtype == np.float32


def test_mmaction_hue_turns_colours():
    """A third of the circle forward turns red to green, backward to blue."""
    red = np.full((1, 1, 3), (255, 0, 0), np.float32)
    third = 60.5 / 255
    assert mmaction_hue._adjust_hue(red, third).tolist() == [[[0, 255, 0]]]
    assert mmaction_hue._adjust_hue(red, -third).tolist() == [[[0, 0, 255]]]
    assert mmaction_hue._adjust_hue(red, 120.5 / 255).tolist() == [[[0, 0, 255]]]


def test_inert_where_negative_factors_work(monkeypatch):

    def works(img, hue_factor, backend=None):
        return img

    def overflows(img, hue_factor, backend=None):
        if hue_factor * 255 < 0:
            raise OverflowError
        return img

    for original, replaced in ((works, False), (overflows, True)):
        module = ModuleType('fake_photometric')
        module.adjust_hue = original
        monkeypatch.setitem(sys.modules, module.__name__, module)
        with contextlib.nullcontext() if replaced else pytest.raises(NotNeeded):
            mmcv_hue._repair(module)
        assert (module.adjust_hue is not original) == replaced
        module.adjust_hue(np.zeros((1, 1, 3)), -.1)


@pytest.mark.skipif(not NUMPY_1, reason='numpy 2 needs the repair')
def test_inert_on_numpy_1():
    assert mmcv.adjust_hue.__module__ == 'mmcv.image.photometric'
    assert not hasattr(mmcv.adjust_hue, '__wrapped__')
