"""Fast passes over pixels give what Pillow and numpy give."""
import numpy as np
import pytest
import synthetic_data
from PIL import Image

from mvitv2_mm.datasets.pixels import contiguous, planar, resize

NOISE = np.random.default_rng(0).integers(0, 256, (96, 130, 3), dtype=np.uint8)
MIRRORED = dict(left=np.s_[:, ::-1], top=np.s_[::-1], both=np.s_[::-1, ::-1], crop=np.s_[3:50, 9:])


@pytest.mark.parametrize('picture', [NOISE, synthetic_data.make_image(0, (96, 130))])
@pytest.mark.parametrize('interpolation', ['bilinear', 'bicubic'])
@pytest.mark.parametrize('size', [(40, 31), (130, 96), (60, 200), (261, 150), (1, 1)])
def test_resizing_is_that_of_pillow(picture, interpolation, size):
    for pixels in (picture, picture[..., 0]):
        resized = resize(pixels, size, interpolation)
        code = Image.Resampling[interpolation.upper()]
        expected = np.array(Image.fromarray(pixels).resize(size, code))
        assert resized.dtype == np.uint8 and resized.shape == expected.shape
        difference = np.abs(resized.astype(int) - expected)
        rounds_once = interpolation == 'bilinear' and size == (261, 150)
        assert difference.max() <= 1 + (picture is NOISE)
        assert (difference > 0).mean() < (0.4 if rounds_once else 0.01)


@pytest.mark.parametrize('view', MIRRORED.values(), ids=MIRRORED)
@pytest.mark.parametrize('picture', [NOISE, NOISE[..., 0], NOISE[..., :1]], ids=['3', '0', '1'])
def test_views_become_arrays(view, picture):
    expected = picture[view].copy()
    result = contiguous(picture[view])
    assert result.flags.c_contiguous and np.array_equal(result, expected)
    assert np.array_equal(
        resize(picture[view], (20, 30), 'bicubic'), resize(expected, (20, 30), 'bicubic'))


@pytest.mark.parametrize('view', MIRRORED.values(), ids=MIRRORED)
@pytest.mark.parametrize('channels', [1, 3])
def test_planes(view, channels):
    picture = NOISE[view][..., :channels]
    result = planar(picture)
    assert np.array_equal(result, picture)
    assert result.transpose(2, 0, 1).flags.c_contiguous
