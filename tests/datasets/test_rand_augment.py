from unittest.mock import patch

import numpy as np
import pytest
import timm.data.auto_augment as timm_augment
from PIL import Image

from mvitv2_mm.datasets import ClipRandAugment, ImageRandAugment
from mvitv2_mm.datasets.rand_augment import OPERATIONS, apply_operation

# timm's names of the increasing set
TIMM = {
    name: name + 'Increasing'
    for name in ('Posterize', 'Solarize', 'Color', 'Contrast', 'Brightness', 'Sharpness')
}
TIMM.update(TranslateX='TranslateXRel', TranslateY='TranslateYRel')


@pytest.fixture
def image():
    pixels = np.random.default_rng(0).integers(30, 220, (40, 60, 3))
    pixels[10:20, 20:50] = (250, 20, 90)
    return Image.fromarray(pixels.astype(np.uint8))


def _timm(name, image, magnitude, sign, fill=(128, 128, 128)):
    name = TIMM.get(name, name)
    level_to_args = timm_augment.LEVEL_TO_ARG[name]
    with patch.object(timm_augment, '_randomly_negate', lambda value: value * sign):
        args = level_to_args(magnitude, {}) if level_to_args else ()
    options = dict(fillcolor=fill, resample=Image.Resampling.BICUBIC)
    return np.array(timm_augment.NAME_TO_OP[name](image, *args, **options))


def test_the_set_of_operations_is_that_of_timm():
    names = [TIMM.get(name, name) for name in OPERATIONS]
    assert sorted(names) == sorted(timm_augment._RAND_INCREASING_TRANSFORMS)


@pytest.mark.parametrize('name', OPERATIONS)
def test_operations_equal_timm(name, image):
    for magnitude in (0., 3., 6.6, 7., 9.9):
        for sign in (1, -1):
            frame, = apply_operation(name, [image], magnitude, sign)
            assert np.array_equal(frame, _timm(name, image, magnitude, sign)), (magnitude, sign)
            expected = _timm(name, image, magnitude, sign, (124, 116, 104))
            frame, = apply_operation(name, [image], magnitude, sign, (124, 116, 104))
            assert np.array_equal(frame, expected), (magnitude, sign)
    if name not in ('AutoContrast', 'Equalize', 'Invert'):  # these have no magnitude
        assert not np.array_equal(frame, _timm(name, image, 3., -1))


def test_highest_magnitude_posterizes_to_black(image):
    frame, = apply_operation('Posterize', [image], 10., 1)
    assert not np.array(frame).any()


def _augment(imgs, **kwargs):
    transform = ClipRandAugment(**{'magnitude': 7, 'num_ops': 4, **kwargs})
    return transform(dict(imgs=[img.copy() for img in imgs]))['imgs']


def test_all_frames_get_the_same_augmentation(image):
    changed = 0
    for _ in range(40):
        first, second = _augment([np.array(image)] * 2)
        assert np.array_equal(first, second)
        assert first.dtype == np.uint8 and first.flags.writeable
        changed += not np.array_equal(first, image)
    # 1 - 0.5^4 of the clips, less a few whose operations change nothing
    assert 30 <= changed < 40


@pytest.fixture
def draws(monkeypatch):
    """Records (name, magnitude, sign) of every operation instead of applying it."""
    calls = []

    def record(name, frames, magnitude, sign, fill):
        calls.append((name, magnitude, sign))
        return frames

    monkeypatch.setattr('mvitv2_mm.datasets.rand_augment.apply_operation', record)
    return calls


def test_draws(image, draws):
    for _ in range(1500):
        _augment([np.array(image)])
    names, magnitudes, signs = zip(*draws)
    assert abs(len(draws) / 6000 - 0.5) < 0.03
    counts = np.array([names.count(name) for name in OPERATIONS]) / len(draws)
    assert np.abs(counts - 1 / 15).max() < 0.02
    assert abs(np.mean(magnitudes) - 7) < 0.05 and abs(np.std(magnitudes) - 0.5) < 0.05
    assert abs(np.mean(signs)) < 0.06


def test_magnitude_is_clipped(image, draws):
    _augment([np.array(image)], magnitude=9.5, magnitude_std=3, num_ops=200)
    magnitudes = [magnitude for _, magnitude, _ in draws]
    assert max(magnitudes) == 10 and min(magnitudes) > 0


def test_images_are_bgr(image, monkeypatch):
    """The operations drawn, applied by timm to the RGB image."""
    expected = image

    def record(name, frames, magnitude, sign, fill):
        nonlocal expected
        expected = Image.fromarray(_timm(name, expected, magnitude, sign, fill))
        return apply_operation(name, frames, magnitude, sign, fill)

    monkeypatch.setattr('mvitv2_mm.datasets.rand_augment.apply_operation', record)
    augment = ImageRandAugment(9, 20, fill=(200, 20, 90))
    bgr = np.array(image)[..., ::-1]
    result = augment(dict(img=bgr))['img']
    assert np.array_equal(result[..., ::-1], expected)
    assert not np.array_equal(result, bgr)
    assert result.dtype == np.uint8 and result.flags.writeable
