import numpy as np
import pytest
from PIL import Image

from mvitv2_mm.datasets.rotate_clip import rotate_clip

FILL = (124, 60, 7)


def clip(height, width, length):
    """Slopes with noise and hard edges."""
    draw = np.random.default_rng(height)
    frames = np.linspace(20, 230, width)[:, None] + draw.normal(0, 12, (length, height, width, 3))
    frames[:, 10:20, 20:50] = (250, 20, 90)
    return list(frames.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize('size', [(43, 61, 5), (1, 1, 1), (2, 90, 40), (50, 3, 2)])
def test_frames_equal_those_of_pillow(size):
    frames = clip(*size)
    for degrees in (-30, -21.3, 0, 0.2, 11, 30):
        rotated = rotate_clip(frames, degrees, FILL)
        expected = [
            Image.fromarray(frame).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=FILL)
            for frame in frames
        ]
        difference = np.abs(np.stack(rotated).astype(int) - np.stack(expected))
        assert difference.max() <= 1 and (difference > 0).mean() < 0.01
        assert all(frame.flags.c_contiguous and frame.flags.writeable for frame in rotated)
