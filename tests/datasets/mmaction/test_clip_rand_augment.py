"""Clips are augmented as by timm's RandAugment, of which SlowFast has a copy for clips."""
import random
from unittest.mock import patch

import numpy as np
import pytest
import timm.data.auto_augment as timm_augment
from PIL import Image
from scipy.stats import ks_2samp

from mvitv2_mm.datasets import ClipRandAugment
from mvitv2_mm.datasets.rand_augment import OPERATIONS, apply_operation

# timm's names of the increasing set
TIMM = {
    name: name + 'Increasing'
    for name in ('Posterize', 'Solarize', 'Color', 'Contrast', 'Brightness', 'Sharpness')
}
TIMM.update(TranslateX='TranslateXRel', TranslateY='TranslateYRel')


@pytest.fixture(scope='module')
def frames():
    """Dark to bright with noise, and a block that moves."""
    draw = np.random.default_rng(0)
    clip = np.linspace(20, 180, 60)[:, None] * (1, 0.8, 0.6) + draw.normal(0, 9, (3, 40, 60, 3))
    for i, frame in enumerate(clip):
        frame[10:20, 10 + 9 * i:28 + 9 * i] = (250, 20, 90)
    return list(clip.clip(0, 255).astype(np.uint8))


def _timm(name, frame, magnitude, sign):
    name = TIMM.get(name, name)
    level_to_args = timm_augment.LEVEL_TO_ARG[name]
    with patch.object(timm_augment, '_randomly_negate', lambda value: value * sign):
        args = level_to_args(magnitude, {}) if level_to_args else ()
    options = dict(fillcolor=(128, 128, 128), resample=Image.Resampling.BICUBIC)
    return np.array(timm_augment.NAME_TO_OP[name](Image.fromarray(frame), *args, **options))


@pytest.mark.parametrize('name', OPERATIONS)
def test_operations_equal_timm(name, frames):
    """But for one grey level in some values: cutting off next to a whole number."""
    for magnitude in (0., 3., 6.6, 7., 9.9):
        for sign in (1, -1):
            augmented = np.stack(apply_operation(name, frames, magnitude, sign)).astype(int)
            expected = np.stack([_timm(name, frame, magnitude, sign) for frame in frames])
            difference = np.abs(augmented - expected)
            assert difference.max() <= 1 and (difference > 0).mean() < 0.02, (magnitude, sign)


def _statistics(frame, original):
    """Brightness, contrast, colour, sharpness, and how far a picture is from the original."""
    frame = np.array(frame, float)
    return (frame.mean(), frame.std(), frame.std(axis=-1).mean(), np.abs(np.diff(frame,
                                                                                 axis=1)).mean(),
            np.abs(frame - original).mean())


def test_clips_are_distributed_as_those_of_timm(frames):
    np.random.seed(0)
    random.seed(0)
    ours = ClipRandAugment(magnitude=7, num_ops=4, magnitude_std=0.5)
    official = timm_augment.rand_augment_transform('rand-m7-n4-mstd0.5-inc1',
                                                   dict(interpolation=Image.Resampling.BICUBIC))
    image, clips = Image.fromarray(frames[0]), (ours(dict(imgs=frames[:2])) for _ in range(1500))
    of_ours = [_statistics(clip['imgs'][0], frames[0]) for clip in clips]
    of_official = [_statistics(official(image), frames[0]) for _ in range(1500)]
    for values, expected in zip(np.transpose(of_ours), np.transpose(of_official)):
        assert ks_2samp(values.round(2), expected.round(2)).pvalue > 0.01
