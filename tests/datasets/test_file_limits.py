"""Special files are not opened and huge pictures not decoded, whoever reads them."""
import os
import socket

import cv2
import numpy as np
import pytest
from PIL import Image

from mvitv2_mm.datasets import FrameFolder, FrameStream, LoadImage, VideoFile
from mvitv2_mm.datasets.file_limits import check_file
from mvitv2_mm.datasets.watching import time_limit
from mvitv2_mm.inference.sources import find_sources, opened


def load_image(path):
    return LoadImage()(dict(img_path=path))


def read_frames(path):
    folder, name = os.path.split(path)
    return FrameFolder(folder, 1, name.replace('1', '{}'), 1).read([0])


def predict(path):
    source, = find_sources([os.path.dirname(path)], 'classification')
    with opened(source):
        pass


READERS = [load_image, VideoFile, FrameStream, read_frames, predict]


@pytest.mark.parametrize('read', READERS)
def test_named_pipes(read, tmp_path):
    for name in ('1.jpg', '1.mp4', '1.npy'):
        path = str(tmp_path / name)
        os.mkfifo(path)
        with time_limit(10, lambda: TimeoutError('waits for the pipe')), \
                pytest.raises(Exception, match='is a named pipe, not a file'):
            read(path)
        os.unlink(path)


def test_other_special_files(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / 's'))
        for path, kind in ((tmp_path / 's', 'socket'), (tmp_path, 'folder'), ('/dev/zero',
                                                                              'device')):
            with pytest.raises(OSError, match=f'is a {kind}, not a file'):
                check_file(str(path))
    os.symlink('/dev/zero', tmp_path / 'link')
    with pytest.raises(OSError, match='is a device'):
        check_file(str(tmp_path / 'link'))
    for path in (__file__, 'gone', 's3://bucket/1.jpg', 'nul\0byte'):
        check_file(path)


@pytest.fixture
def picture(tmp_path):
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((24, 32, 3), np.uint8))
    return str(tmp_path / '1.png')


def test_the_limit_of_pixels_is_an_argument(picture, monkeypatch):
    info = dict(img_path=picture)
    with pytest.raises(ValueError, match='has 32 x 24 pixels .* more than max_pixels=767'):
        LoadImage(max_pixels=767)(dict(info))
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)  # twice as many are an error for Pillow
    assert LoadImage(max_pixels=768)(dict(info))['img'].shape == (24, 32, 3)


def test_huge_pictures(tmp_path):
    path = str(tmp_path / '1.pgm')
    with open(path, 'wb') as file:
        file.write(b'P5 14000 14000 255\n')
        file.truncate(14000 * 14000)
    for read in (load_image, read_frames):
        with pytest.raises(Exception, match='has more pixels than max_pixels=178956970'):
            read(path)


def test_huge_videos(tmp_path):
    path = tmp_path / '1.y4m'
    path.write_bytes(b'YUV4MPEG2 W16000 H16000 F30:1 Ip A0:0 C420jpeg\nFRAME\n' + bytes(1000))
    for read in (VideoFile, FrameStream):
        with pytest.raises(Exception, match='1.y4m: has 16000 x 16000 pixels'):
            read(str(path))
