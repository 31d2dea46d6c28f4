"""The operations and the draws are those of timm, which uses Pillow."""
from unittest.mock import patch

import numpy as np
import pytest
import synthetic_data
import timm.data.auto_augment as timm_augment
from PIL import Image
from scipy.stats import wasserstein_distance

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
    return pixels.astype(np.uint8)


def _timm(name, image, magnitude, sign, fill=(128, 128, 128), resample=Image.Resampling.BICUBIC):
    name = TIMM.get(name, name)
    level_to_args = timm_augment.LEVEL_TO_ARG[name]
    with patch.object(timm_augment, '_randomly_negate', lambda value: value * sign):
        args = level_to_args(magnitude, {}) if level_to_args else ()
    options = dict(fillcolor=fill, resample=resample)
    return np.array(timm_augment.NAME_TO_OP[name](Image.fromarray(image), *args, **options))


def _difference(first, second):
    return np.abs(first.astype(int) - second)


def test_the_set_of_operations_is_that_of_timm():
    names = [TIMM.get(name, name) for name in OPERATIONS]
    assert sorted(names) == sorted(timm_augment._RAND_INCREASING_TRANSFORMS)


@pytest.mark.parametrize('name', [name for name in OPERATIONS if name != 'Rotate'])
def test_operations_equal_timm(name, image):
    is_sum = name.startswith(('Shear', 'Translate', 'Color', 'Sharpness'))
    for magnitude in (0., 3., 6.6, 7., 9.9):
        for sign in (1, -1):
            for fill in ((128, 128, 128), (124, 116, 104)):
                frame, = apply_operation(name, [image], magnitude, sign, fill)
                difference = _difference(frame, _timm(name, image, magnitude, sign, fill))
                # the last bit of a sum decides what is cut off
                assert difference.max() <= is_sum and (difference > 0).mean() < 0.01
    if name not in ('AutoContrast', 'Equalize', 'Invert'):  # these have no magnitude
        assert (_difference(frame, _timm(name, image, 3., -1)) > 2).any()


@pytest.mark.parametrize('magnitude, sign', [(9., 1), (9., -1), (3., 1)])
def test_rotations_are_bicubic_around_the_centre(magnitude, sign):
    picture = synthetic_data.make_image(0, (60, 81))
    frame, = apply_operation('Rotate', [picture], magnitude, sign, (255, 0, 255))
    expected = _timm('Rotate', picture, magnitude, sign, (255, 0, 255))
    difference = _difference(frame, expected)
    assert difference.mean() < 2 and np.median(difference) <= 1
    assert _difference(frame, _timm('Rotate', picture, magnitude, -sign)).mean() > 10
    noise = np.random.default_rng(0).integers(0, 256, (60, 81, 3), dtype=np.uint8)
    frame, = apply_operation('Rotate', [noise], magnitude, sign)
    bicubic = _timm('Rotate', noise, magnitude, sign)
    bilinear = _timm('Rotate', noise, magnitude, sign, resample=Image.Resampling.BILINEAR)
    middle = np.s_[20:40, 20:60]
    assert 2 * _difference(frame, bicubic)[middle].mean() < \
        _difference(bilinear, bicubic)[middle].mean()


def test_nothing_is_written_into_a_picture(image):
    image.flags.writeable = False
    for name in OPERATIONS:
        frame, = apply_operation(name, [image], 9., 1)
        assert frame.flags.writeable and frame.flags.c_contiguous


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (9, 1), (3, 200)])
def test_tiny_pictures(size):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for name in OPERATIONS:
        for sign in (1, -1):
            frame, = apply_operation(name, [picture], 9., sign)
            assert frame.shape == picture.shape
            if name != 'Rotate':
                assert _difference(frame, _timm(name, picture, 9., sign)).max() <= 1


def _statistics(picture, fill):
    """Colours, contrast, edges, and how much of a picture is filled on the left and above."""
    values = picture.astype(float)
    filled = 255 * (np.abs(values - fill).max(-1) < 128)
    height, width = filled.shape
    return [
        *values.mean((0, 1)),
        values.std(),
        np.abs(np.diff(values, axis=1)).mean(),
        filled.mean(), filled[:, :width // 2].mean(), filled[:height // 2].mean()
    ]


@pytest.mark.parametrize('name', OPERATIONS)
def test_many_draws_have_the_statistics_of_timm(name):
    """A distance of 1 is that of two distributions that lie apart by their own width."""
    picture, fill = synthetic_data.make_image(3, (48, 64)), (255, 0, 255)
    operation = timm_augment.AugmentOp(
        TIMM.get(name, name),
        prob=1.,
        magnitude=9,
        hparams=dict(magnitude_std=0.5, img_mean=fill, interpolation=Image.Resampling.BICUBIC))
    np.random.seed(0)
    timm_augment.random.seed(0)
    ours, official = [], []
    for _ in range(200):
        magnitude, sign = np.random.normal(9, 0.5), np.random.choice((-1, 1))
        frame, = apply_operation(name, [picture], min(magnitude, 10.), sign, fill)
        ours.append(_statistics(frame, fill))
        with patch('PIL.ImageOps.posterize', _posterize):
            frame = operation(Image.fromarray(picture))
        official.append(_statistics(np.array(frame), fill))
    for first, second in zip(np.transpose(ours), np.transpose(official)):
        width = np.std([*first, *second]) + 4  # grey levels
        assert wasserstein_distance(first, second) / width < 0.3


def _posterize(image, bits):
    """Pillow's, which refuses to keep 0 bits."""
    return image.point(lambda level: level & (256 - 2**(8 - bits)))


def test_highest_magnitude_posterizes_to_black(image):
    frame, = apply_operation('Posterize', [image], 10., 1)
    assert not np.array(frame).any()


def _augment(imgs, **kwargs):
    transform = ClipRandAugment(**{'magnitude': 7, 'num_ops': 4, **kwargs})
    return transform(dict(imgs=[img.copy() for img in imgs]))['imgs']


def test_all_frames_get_the_same_augmentation(image):
    changed = 0
    for _ in range(40):
        first, second = _augment([image] * 2)
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
        _augment([image])
    names, magnitudes, signs = zip(*draws)
    assert abs(len(draws) / 6000 - 0.5) < 0.03
    counts = np.array([names.count(name) for name in OPERATIONS]) / len(draws)
    assert np.abs(counts - 1 / 15).max() < 0.02
    assert abs(np.mean(magnitudes) - 7) < 0.05 and abs(np.std(magnitudes) - 0.5) < 0.05
    assert abs(np.mean(signs)) < 0.06


def test_magnitude_is_clipped(image, draws):
    _augment([image], magnitude=9.5, magnitude_std=3, num_ops=200)
    magnitudes = [magnitude for _, magnitude, _ in draws]
    assert max(magnitudes) == 10 and min(magnitudes) > 0


def test_images_are_bgr(image, monkeypatch):
    """The operations drawn, applied by timm to the RGB image."""
    applied = []

    def record(name, frames, magnitude, sign, fill):
        if name == 'Rotate':
            return frames
        applied.append((name, magnitude, sign, fill))
        return apply_operation(name, frames, magnitude, sign, fill)

    monkeypatch.setattr('mvitv2_mm.datasets.rand_augment.apply_operation', record)
    augment = ImageRandAugment(9, 4, fill=(200, 20, 90))
    bgr = image[..., ::-1]
    for _ in range(10):
        applied.clear()
        result = augment(dict(img=bgr))['img']
        expected = image
        for step in applied:
            with patch('PIL.ImageOps.posterize', _posterize):
                expected = _timm(step[0], expected, *step[1:])
        # what one operation rounds otherwise, the next ones may enlarge
        assert (_difference(result[..., ::-1], expected) > 0).mean() < 0.05
        assert result.dtype == np.uint8
