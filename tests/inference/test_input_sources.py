"""What inputs name: files by what is in them, folders, patterns, URLs, arrays."""
import io
import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
import synthetic_data
from PIL import Image

from mvitv2_mm.datasets import VideoFile
from mvitv2_mm.datasets.frame_stream import FrameStream
from mvitv2_mm.inference.sources import ArrayClip, Source, find_sources, is_single, kind_of, opened


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Pictures and a video, some hidden, some in folders of folders."""
    root = tmp_path_factory.mktemp('inputs')
    (root / 'b' / 'c').mkdir(parents=True)
    (root / '.trash').mkdir()
    picture = synthetic_data.make_image(0, (20, 30))
    for name in ('10.jpg', '2.JPG', 'b/x.png', 'b/c/y.webp', '.hidden.jpg', '.trash/z.jpg'):
        cv2.imwrite(str(root / name), picture)
    (root / 'notes.txt').write_text('no picture')
    synthetic_data.make_clips(root / 'clips', clips=1)
    (root / 'clips' / 'val_0.mp4').rename(root / 'b' / 'clip.mp4')
    shutil.rmtree(root / 'clips')
    np.save(root / 'b' / 'pixels.npy', np.zeros((4, 5, 3), np.uint8))
    return root


def names(inputs, root, task='image'):
    return [source.name.replace(f'{root}/', '') for source in find_sources(inputs, task)]


def test_folders_are_searched_without_what_is_hidden(folder):
    found = ['10.jpg', '2.JPG', 'b/clip.mp4', 'b/pixels.npy', 'b/x.png', 'b/c/y.webp']
    assert names([folder], folder) == names([str(folder)], folder) == found
    assert names([folder], folder, 'video') == ['b/clip.mp4', 'b/pixels.npy']


def test_patterns_files_and_numbers(folder):
    assert names([f'{folder}/*.jpg'], folder) == ['10.jpg']
    assert names([f'{folder}/**/*.png', 0, '1'], folder) == ['b/x.png', '0', '1']
    cameras = [source.media for source in find_sources([0, '1'], 'image')]
    assert cameras == [0, 1]
    missing = [f'{folder}/*.bmp', f'{folder}/absent.jpg']
    for source in find_sources(missing, 'image'):
        with pytest.raises(ValueError, match='no such file|no file is called'), opened(source):
            pass


def test_an_empty_folder_is_an_error(tmp_path):
    (tmp_path / 'readme.txt').write_text('')
    source, = find_sources([tmp_path], 'detection')
    assert source.name == str(tmp_path) and source.error == 'the folder holds no picture or video'


def test_a_name_with_the_signs_of_a_pattern_is_a_file(tmp_path):
    path = tmp_path / 'a[1]*.png'
    cv2.imwrite(str(path), synthetic_data.make_image(0, (8, 8)))
    source, = find_sources([path], 'image')
    assert source == Source(str(path), str(path)) and is_single(str(path))


def test_paths_on_the_standard_input(folder, monkeypatch):
    lines = f'{folder}/10.jpg\n\n  {folder}/b  \n'
    monkeypatch.setattr(sys, 'stdin', io.StringIO(lines))
    found = ['10.jpg', 'b/clip.mp4', 'b/pixels.npy', 'b/x.png', 'b/c/y.webp']
    assert names(['-'], folder) == found


def test_the_content_tells_the_kind(folder, tmp_path):
    shutil.copy(folder / 'b' / 'clip.mp4', tmp_path / 'clip.jpg')
    shutil.copy(folder / '10.jpg', tmp_path / 'picture.mp4')
    frames = [Image.new('RGB', (8, 8), (shade, 0, 0)) for shade in (0, 255)]
    frames[0].save(tmp_path / 'moves.gif', save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / 'stands.gif')
    kinds = {
        name: kind_of(str(tmp_path / name))
        for name in ('clip.jpg', 'picture.mp4', 'moves.gif', 'stands.gif')
    }
    assert kinds == {
        'clip.jpg': 'video',
        'picture.mp4': 'picture',
        'moves.gif': 'animation',
        'stands.gif': 'picture'
    }
    (tmp_path / 'empty.jpg').touch()
    (tmp_path / 'text.txt').write_text('a text that ffmpeg would draw\n' * 50)
    shutil.copy(tmp_path / 'text.txt', tmp_path / 'text.jpg')
    for name, words in (('empty.jpg', 'the file is empty'), ('text.txt', 'neither a picture nor'),
                        ('text.jpg', 'neither a picture nor')):
        with pytest.raises(ValueError, match=words):
            kind_of(str(tmp_path / name))


def test_arrays_are_pictures_and_clips(tmp_path):
    assert isinstance(open_array(np.zeros((4, 5, 3), np.uint8)), np.ndarray)
    grey = open_array(np.full((4, 5), 7, np.uint8))
    assert grey.shape == (4, 5, 3) and (grey == 7).all()
    clip = open_array(np.zeros((6, 4, 5, 3), np.uint8))
    assert isinstance(clip, ArrayClip) and clip.num_frames == 6
    np.save(tmp_path / 'clip.npy', np.zeros((6, 4, 5, 3), np.uint8))
    with opened(Source('clip', str(tmp_path / 'clip.npy'))) as saved:
        assert saved.num_frames == 6 and saved.read([5])[0].shape == (4, 5, 3)
    for wrong in (np.zeros((4, 5, 3)), np.zeros((3, 4, 5), np.uint8), np.zeros((0, 5, 3),
                                                                               np.uint8)):
        with pytest.raises(ValueError, match='expected RGB pixels'):
            open_array(wrong)


def open_array(array):
    source, = find_sources([array], 'image')
    with opened(source) as media:
        return media


def test_objects_in_an_array_file_are_not_loaded(tmp_path):
    np.save(tmp_path / 'bad.npy', np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match='Python objects'):
        with opened(Source('bad', str(tmp_path / 'bad.npy'))):
            pass


@pytest.fixture(scope='module')
def server(folder):
    """Address of a server of the folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *args: None
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{running.server_port}'
        running.shutdown()


def test_urls_are_downloaded_for_as_long_as_they_are_read(server, folder):
    source, = find_sources([f'{server}/b/x.png'], 'image')
    with opened(source) as path:
        assert Image.open(path).size == (30, 20)
    with pytest.raises(FileNotFoundError):
        Image.open(path)
    source, = find_sources([f'{server}/b/clip.mp4'], 'video')
    with opened(source) as clip:
        assert isinstance(clip, VideoFile) and clip.num_frames == 12


def test_files_of_other_file_systems(folder):
    fsspec = pytest.importorskip('fsspec')
    for name in ('b/x.png', 'b/clip.mp4'):
        fsspec.filesystem('memory').pipe(f'/photos/{name}', (folder / name).read_bytes())
    sources = find_sources(['memory://photos/b/x.png', 'memory://photos/b/clip.mp4'], 'image')
    with opened(next(sources)) as path:
        assert Image.open(path).size == (30, 20)
    with opened(next(sources), FrameStream) as stream:
        assert len(list(stream)) == 12


def test_urls_that_are_not_there(server):
    for url, words in ((f'{server}/absent.png', 'cannot be downloaded .*404'),
                       ('http://127.0.0.1:9/x.png', 'cannot be downloaded'),
                       ('memory://absent.png', 'absent.png does not exist'),
                       ('file:///etc/hostname', 'no file backend is called .*file')):
        source, = find_sources([url], 'image')
        with pytest.raises((OSError, ValueError), match=words), opened(source):
            pass
