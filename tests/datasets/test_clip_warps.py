"""Frames of clips are warped as Pillow, which timm uses, warps pictures."""
import numpy as np
import pytest
from PIL import Image

from mvitv2_mm.datasets.clip_warps import CLIP_WARPS

FILL = (124, 60, 7)


def clip(height, width, length):
    """Slopes with noise and hard edges."""
    draw = np.random.default_rng(height)
    frames = np.linspace(20, 230, width)[:, None] + draw.normal(0, 12, (length, height, width, 3))
    frames[:, 10:20, 20:50] = (250, 20, 90)
    return list(frames.clip(0, 255).astype(np.uint8))


def with_pillow(name, frame, value):
    """As in timm's ``auto_augment.py``."""
    image, (height, width) = Image.fromarray(frame), frame.shape[:2]
    options = dict(resample=Image.Resampling.BICUBIC, fillcolor=FILL)
    if name == 'Rotate':
        return np.array(image.rotate(value, **options))
    matrix = {
        'ShearX': (1, value, 0, 0, 1, 0),
        'ShearY': (1, 0, 0, value, 1, 0),
        'TranslateX': (1, 0, value * width, 0, 1, 0),
        'TranslateY': (1, 0, 0, 0, 1, value * height)
    }[name]
    return np.array(image.transform(image.size, Image.Transform.AFFINE, matrix, **options))


@pytest.mark.parametrize('name', CLIP_WARPS)
@pytest.mark.parametrize('size', [(43, 61, 5), (1, 1, 2), (2, 90, 40), (50, 3, 2), (9, 8, 200)])
def test_warps_equal_those_of_pillow(name, size):
    frames = clip(*size)
    for share in (-3, -1, -0.71, 0, 0.01, 0.33, 1, 3):
        value = share * (30 if name == 'Rotate' else 0.45)
        warped = CLIP_WARPS[name](frames, value, FILL)
        expected = [with_pillow(name, frame, value) for frame in frames]
        difference = np.abs(np.stack(warped).astype(int) - np.stack(expected))
        assert difference.max() <= 1 and (difference > 0).mean() < 0.02, (share, difference.max())
        assert all(frame.flags.c_contiguous and frame.flags.writeable for frame in warped)
    assert np.array_equal(frames, clip(*size))


def test_large_frames_are_rotated_in_groups():
    # more than is rotated at once
    frames = [np.tile(frame, (10, 10, 1)) for frame in clip(70, 90, 10)]
    for frame, rotated in zip(frames, CLIP_WARPS['Rotate'](frames, 20, FILL), strict=True):
        expected = with_pillow('Rotate', frame, 20)
        assert np.abs(expected.astype(int) - rotated).max() <= 1
