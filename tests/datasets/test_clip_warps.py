"""Clips are warped as Pillow, which timm uses, warps each of their frames."""
import numpy as np
import pytest
from PIL import Image

from mvitv2_mm.datasets.clip_warps import CLIP_WARPS, warp

FILL = (124, 60, 7)


def clip(height=43, width=61, length=5):
    """Smooth pictures with noise and hard edges."""
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


def compare(ours, theirs):
    """Values may differ by one where the last bit decides what is cut off."""
    difference = np.abs(np.stack(ours).astype(int) - np.stack(theirs))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.02


@pytest.mark.parametrize('name', CLIP_WARPS)
@pytest.mark.parametrize('share', [-1, -0.71, 0, 0.33, 1])
def test_warps_equal_those_of_pillow(name, share):
    value = share * (30 if name == 'Rotate' else 0.45)
    frames = clip()
    warped = CLIP_WARPS[name](frames, value, FILL)
    compare(warped, [with_pillow(name, frame, value) for frame in frames])
    assert all(frame.flags.c_contiguous and frame.flags.writeable for frame in warped)
    assert share == 0 or not np.array_equal(warped, frames)


def test_any_matrix_any_size():
    for height, width, length in ((1, 1, 1), (2, 90, 40), (50, 3, 2)):
        frames = clip(height, width, length)
        for matrix in ((0.9, 0.2, -1, -0.3, 1.2, 2), (1, 0, 1000, 0, 1, 0), (1, 0, 1, 0, 1, -1)):
            expected = [
                Image.fromarray(frame).transform((width, height),
                                                 Image.Transform.AFFINE,
                                                 matrix,
                                                 Image.Resampling.BICUBIC,
                                                 fillcolor=FILL) for frame in frames
            ]
            compare(warp(frames, matrix, FILL), [np.array(image) for image in expected])
