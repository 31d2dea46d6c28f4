"""Pictures of every depth and orientation come out as a person sees them."""
import io

import numpy as np
import pytest
import synthetic_data
from PIL import Image

from mvitv2_mm.datasets import ImageRandAugment, LoadImage
from mvitv2_mm.datasets.load_image import read_rgb

RAMP = np.tile(np.arange(256, dtype=np.uint8), (4, 1))


def load(tmp_path, array, name='a.png', color_type='color', **save):
    Image.fromarray(array).save(tmp_path / name, **save)
    return LoadImage(color_type=color_type)(dict(img_path=str(tmp_path / name)))['img']


@pytest.mark.parametrize('array, name', [
    (RAMP.astype(np.uint16) * 257, 'a.png'),
    (RAMP.astype(np.uint16) * 257, 'a.tif'),
    (RAMP.astype(np.int32) * 257, 'a.tif'),
    (RAMP.astype(np.int32) * 8421504, 'a.tif'),
    (RAMP / np.float32(255), 'a.tif'),
    (RAMP.astype(np.float32), 'a.tif'),
    (RAMP.astype(np.float32) * 257, 'a.tif'),
    (RAMP, 'a.png'),
])
def test_depths(array, name, tmp_path):
    image = load(tmp_path, array, name)
    assert image.shape == (4, 256, 3) and image.dtype == np.uint8
    assert np.abs(image.astype(int) - RAMP[..., None]).max() <= 1
    grey = load(tmp_path, array, name, 'grayscale')
    assert grey.shape == (4, 256) and np.array_equal(grey, image[..., 0])


@pytest.mark.parametrize('mode, name', [('P', 'a.png'), ('P', 'a.gif'), ('1', 'a.png'),
                                        ('RGBA', 'a.png'), ('RGB', 'a.webp')])
def test_modes(mode, name, tmp_path):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, 4:] = 255
    picture = Image.fromarray(pixels).convert(mode)
    options = dict(lossless=True) if name == 'a.webp' else {}
    picture.save(tmp_path / name, **options)
    image = LoadImage()(dict(img_path=str(tmp_path / name)))['img']
    assert np.array_equal(image, pixels)


@pytest.mark.parametrize('deep', [False, True])
def test_orientation_is_one_rule(deep, tmp_path):
    array = RAMP.astype(np.uint16) * 257 if deep else RAMP
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored top is the right side
    upright = load(tmp_path, array, exif=exif)
    stored = load(tmp_path, array, color_type='color_ignore_orientation', exif=exif)
    assert np.array_equal(stored[..., 0], RAMP)
    assert np.array_equal(upright[..., 0], np.rot90(RAMP, -1))


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / 'a.png').write_text('text')
    with pytest.raises(ValueError, match='a.png is not a picture'):
        LoadImage()(dict(img_path=str(tmp_path / 'a.png')))


def test_what_an_inferencer_has_read_is_kept():
    image = np.zeros((2, 2, 3), np.uint8)
    assert LoadImage()(dict(img=image))['img'] is image


def augment(image):
    np.random.seed(0)
    return ImageRandAugment(magnitude=9, num_ops=6, fill=[128] * 3)(dict(img=image))['img']


def test_one_channel_is_augmented_as_three_equal_ones():
    for seed in range(5):
        grey = np.random.default_rng(seed).integers(0, 255, (24, 32), dtype=np.uint8)
        assert np.abs(augment(grey).astype(int) - augment(np.stack([grey] * 3, -1))[..., 0]).max() \
            <= 1
    with pytest.raises(ValueError, match='1 or 3 channels, but got 4'):
        augment(np.zeros((8, 8, 4), np.uint8))


def test_opencv_reads_what_pillow_does_not(tmp_path):
    radiance = io.BytesIO()
    radiance.write(b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n' +
                   bytes([128, 128, 128, 129]))
    (tmp_path / 'a.hdr').write_bytes(radiance.getvalue())
    image = LoadImage()(dict(img_path=str(tmp_path / 'a.hdr')))['img']
    assert image.shape == (1, 1, 3)


@pytest.mark.parametrize(
    'save', [
        dict(subsampling=0),
        dict(subsampling=1),
        dict(subsampling=2),
        dict(progressive=True),
        dict(keep_rgb=True),
        dict(restart_marker_rows=1),
        dict(icc_profile=b'profile', comment=b'comment'),
    ],
    ids=lambda save: next(iter(save)))
@pytest.mark.parametrize('size', [(77, 101), (16, 16), (1, 3)])
def test_jpeg_is_decoded_to_the_bits_of_pillow(save, size, tmp_path):
    pixels = synthetic_data.make_image(0, size)
    path = tmp_path / 'a.jpg'
    Image.fromarray(pixels).save(path, quality=88, **save)
    expected = np.array(Image.open(path).convert('RGB'))
    for tail in (b'', b'\0\0'):  # cameras add some
        path.write_bytes(path.read_bytes() + tail)
        for color_type in ('color', 'color_ignore_orientation'):
            image = LoadImage(color_type=color_type)(dict(img_path=str(path)))['img']
            assert np.array_equal(image[..., ::-1], expected) and image.flags.c_contiguous
        assert np.array_equal(read_rgb(path), expected)


@pytest.mark.parametrize('mode', ['CMYK', 'L'])
def test_jpeg_of_other_channels(mode, tmp_path):
    picture = Image.fromarray(synthetic_data.make_image(0, (24, 32))).convert(mode)
    picture.save(tmp_path / 'a.jpg')
    expected = np.array(Image.open(tmp_path / 'a.jpg').convert('RGB'))
    assert np.array_equal(read_rgb(tmp_path / 'a.jpg'), expected)


@pytest.mark.parametrize('damage', ['cut off', 'end put on', 'marker'])
def test_a_damaged_jpeg_is_what_it_is_for_pillow(damage, tmp_path):
    Image.fromarray(synthetic_data.make_image(0, (64, 64))).save(tmp_path / 'a.jpg')
    content = (tmp_path / 'a.jpg').read_bytes()
    middle = len(content) - 100
    content = {
        'cut off': content[:middle],
        'end put on': content[:middle] + b'\xff\xd9',
        'marker': content[:middle] + b'\xff\x73' + content[middle + 2:]
    }[damage]
    (tmp_path / 'a.jpg').write_bytes(content)
    if damage == 'end put on':  # what is lacking is grey
        assert np.array_equal(read_rgb(tmp_path / 'a.jpg'), Image.open(tmp_path / 'a.jpg'))
        return
    with pytest.raises(OSError, match='truncated|broken'):
        LoadImage()(dict(img_path=str(tmp_path / 'a.jpg')))
