"""Check and training read with the same code: a file is bad for both of them or for neither."""
import json
import os
import struct
import zlib

import numpy as np
import pytest
from mmengine.registry import DATASETS, init_default_scope
from PIL import Image
from problems import problems_of

import mvitv2_mm.datasets.mmdet.coco_dataset  # noqa: F401
import mvitv2_mm.datasets.mmpretrain.image_dataset  # noqa: F401
from mvitv2_mm.datasets.unreadable import UnreadableError

HEIGHT, WIDTH = 24, 32
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def saved(mode, form, **options):
    """A function that saves the picture in a mode and a format, whatever its name says."""
    return lambda path: Image.fromarray(PIXELS).convert(mode).save(path, form, **options)


def deep(dtype, form):
    return lambda path: Image.fromarray(PIXELS[..., 0].astype(dtype)).save(path, form)


def cut(form):

    def save(path):
        Image.fromarray(PIXELS).save(path, form)
        path.write_bytes(path.read_bytes()[:-40])

    return save


def header(width, height):
    """The beginning of a PNG, which says how large it is."""

    def chunk(data):
        return struct.pack('>I', len(data) - 4) + data + struct.pack('>I', zlib.crc32(data))

    start = chunk(b'IHDR' + struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b'IDAT' + zlib.compress(b'0'))
    return lambda path: path.write_bytes(b'\x89PNG\r\n\x1a\n' + start + pixels)


GOOD = {
    'gif.jpg': saved('P', 'GIF'),
    'png.jpg': saved('RGB', 'PNG'),
    'animated.gif': saved('P', 'GIF', save_all=True, append_images=[Image.new('P', (32, 24))]),
    'float.tif': deep(np.float32, 'TIFF'),
    'deep.png': deep(np.uint16, 'PNG'),
    'cmyk.jpg': saved('CMYK', 'JPEG'),
    'transparent.png': saved('P', 'PNG', transparency=0),
    'alpha.webp': saved('RGBA', 'WEBP'),
    'one_bit.png': saved('1', 'PNG'),
}
BAD = {
    'cut.png': cut('PNG'),
    'cut.jpg': cut('JPEG'),
    'empty.jpg': lambda path: path.write_bytes(b''),
    'text.jpg': lambda path: path.write_text('no picture'),
    'byte_order_mark.jpg': lambda path: path.write_bytes(b'\xef\xbb\xbfno picture\r\n'),
    'gone.jpg': lambda path: None,
    'pipe.jpg': os.mkfifo,
    'folder.jpg': os.mkdir,
    'large.png': header(15000, 15000),
    'bomb.png': header(100000, 100000),
}


@pytest.fixture
def folder(tmp_path):
    for name, save in {**GOOD, **BAD}.items():
        save(tmp_path / name)
    return tmp_path


def classification(folder):
    (folder / 'list.txt').write_text('\n'.join(f'{name} 0' for name in (*GOOD, *BAD)))
    return dict(
        type='mvitv2_mm.ImageDataset',
        data_root=str(folder),
        ann_file='list.txt',
        metainfo=dict(classes=['thing']),
        pipeline=[dict(type='mvitv2_mm.LoadImage', color_type='color_ignore_orientation')])


def detection(folder, **pipeline):
    names = enumerate((*GOOD, *BAD), 1)
    images = [dict(id=i, file_name=name, height=HEIGHT, width=WIDTH) for i, name in names]
    polygon = [1, 1, 9, 1, 9, 9]
    annotations = [
        dict(
            id=i['id'], image_id=i['id'], category_id=1, bbox=[1, 1, 8, 8], segmentation=[polygon])
        for i in images
    ]
    content = dict(images=images, annotations=annotations, categories=[dict(id=1, name='thing')])
    (folder / 'all.json').write_text(json.dumps(content))
    return dict(
        type='mvitv2_mm.CocoDataset',
        data_root=str(folder),
        ann_file='all.json',
        data_prefix=dict(img=''),
        metainfo=dict(classes=['thing']),
        pipeline=[
            dict(type=pipeline.get('reader', 'mvitv2_mm.LoadImage')),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True)
        ])


def bad_in_training(config):
    init_default_scope('mmdet')
    dataset, bad = DATASETS.build(config), {}
    for i in range(len(dataset)):
        try:
            dataset.prepare_data(i)
        except UnreadableError as error:
            bad[os.path.basename(dataset.locate(i))] = str(error)
    return bad


@pytest.mark.parametrize('make', [classification, detection])
def test_odd_files(make, folder):
    config = make(folder)
    training = bad_in_training(config)
    found = {
        os.path.basename(text.split(': ')[0])
        for kind, text in problems_of(config) if kind in ('unreadable', 'missing', 'annotation')
    }
    assert found == set(training) == set(BAD)
    for name, text in training.items():
        assert name in text and '\n' not in text
    assert 'is a named pipe, not a file' in training['pipe.jpg']
    assert 'has more pixels than max_pixels=178956970' in training['large.png']


def test_the_reader_of_a_host(folder):
    """Check and training agree on what mmcv reads, too, and neither is kept waiting."""
    config = detection(folder, reader='LoadImageFromFile')
    training = bad_in_training(config)
    found = {os.path.basename(text.split(': ')[0]) for _, text in problems_of(config)}
    assert found == set(training)
    assert {'pipe.jpg', 'large.png', 'bomb.png', 'folder.jpg', 'gone.jpg'} <= found
