"""Pictures and clips that lie elsewhere are read as those on the local disk."""
import socket

import cv2
import numpy as np
import pytest
import synthetic_data
from mmengine.fileio import get_local_path
from torch.utils.data import DataLoader

from mvitv2_mm.datasets import ClipDataset, FrameFolder, LoadImage, UnreadableClipError, VideoFile
from mvitv2_mm.datasets.mmpretrain.image_dataset import ImageDataset
from mvitv2_mm.datasets.storage import FsspecBackend, exists, read, shown

READ = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleClips', clip_len=4, frame_interval=2),
    dict(type='mvitv2_mm.ReadFrames'),
]


@pytest.fixture
def places(tmp_path, server, memory, database):
    """URL and arguments of a folder in every kind of place."""

    def put(folder):
        here = folder.relative_to(tmp_path)
        return [(f'{server.url}/{here}/', None), (f'{memory(folder)}/', None),
                ('', database(folder))]

    return put


def test_pictures_are_equal(tmp_path, places):
    folder = tmp_path / 'a folder'
    folder.mkdir()
    name = 'of #1 100% + é.png'
    cv2.imwrite(str(folder / name), synthetic_data.make_image(0, (30, 40)))
    expected = LoadImage()(dict(img_path=str(folder / name)))['img']
    for url, args in places(folder)[:2]:  # keys of LMDB are of ASCII
        assert np.array_equal(LoadImage()(dict(img_path=url + name))['img'], expected)
        assert exists(url + name) and not exists(f'{url}absent')
    (folder / name).rename(folder / 'a.png')
    for url, args in places(folder):
        load = LoadImage(backend_args=args)
        assert np.array_equal(load(dict(img_path=f'{url}a.png'))['img'], expected)


@pytest.mark.parametrize('name, options', [
    ('a.mp4', dict(codec='libx264', g='7', bf='3')),
    ('a.avi', dict(codec='mpeg4', bf='2', g='6')),
    ('a.webm', dict(codec='libvpx-vp9')),
    ('a.mjpeg', dict(codec='mjpeg', pix_fmt='yuvj420p')),
    ('a.ts', dict(codec='mpeg2video')),
])
def test_frames_of_videos_are_equal(name, options, tmp_path, write_video, places):
    path = write_video(f'videos/{name}', **options)
    local = VideoFile(path)
    expected = np.stack(local.read([13, 2, 19]))
    for url, args in places(tmp_path / 'videos'):
        video = VideoFile(url + name, args)
        assert np.array_equal(video.times, local.times) and video.fps == local.fps
        assert np.array_equal(video.read([13, 2, 19]), expected)


def test_frames_in_folders_are_equal(tmp_path, places):
    folder = tmp_path / 'frames'
    folder.mkdir()
    for i in range(1, 5):
        cv2.imwrite(str(folder / f'img_{i:05}.jpg'), synthetic_data.make_image(i, (30, 40)))
    expected = FrameFolder(str(folder), 4, 'img_{:05}.jpg').read([3, 0])
    for url, args in places(folder):
        frames = FrameFolder(url, 4, 'img_{:05}.jpg', backend_args=args)
        assert np.array_equal(frames.read([3, 0]), expected)
        with pytest.raises(UnreadableClipError, match='img_00005.jpg: frame 5 of 4 is missing'):
            frames.read([4])


@pytest.mark.parametrize('workers', [0, 2])
def test_lists_and_clips_of_a_server(workers, tmp_path, write_video, server, memory):
    for i in range(3):
        write_video(f'videos/a {i}.mp4')
    (tmp_path / 'videos/bad.mp4').write_bytes(b'nonsense')
    lines = 'a 0.mp4 0\na 1.mp4 1\na 2.mp4 2\nbad.mp4 3\nabsent.mp4 4\n'
    (tmp_path / 'videos/list.txt').write_text(lines)
    for root in (f'{server.url}/videos', memory(tmp_path / 'videos')):
        dataset = ClipDataset('list.txt', READ, dict(video=''), data_root=root, test_mode=True)
        loader = DataLoader(dataset, batch_size=None, num_workers=workers)
        clips = list(loader)
        assert [clip['label'] for clip in clips] == list(range(5))
        for i in range(3):
            local = VideoFile(str(tmp_path / f'videos/a {i}.mp4'))
            assert np.array_equal(clips[i]['imgs'], local.read(clips[i]['frame_inds']))
        for clip in clips[3:]:  # what stands in
            assert {value for img in clip['imgs'] for value in np.unique(img)} == {128}
        dataset.test_mode = False
        assert {dataset[i]['label'] for i in (3, 4)} <= {0, 1, 2}


def test_class_folders_in_memory(tmp_path, memory):
    synthetic_data.make_folders(tmp_path)
    (tmp_path / 'train/class0/notes.txt').write_text('')
    local, there = (
        ImageDataset(data_root=root, data_prefix='train', pipeline=[LoadImage()])
        for root in (str(tmp_path), memory(tmp_path)))
    assert len(local) == len(there) == 8 and local.CLASSES == there.CLASSES
    for ours, other in zip(local, there):
        assert ours['gt_label'] == other['gt_label']
        assert np.array_equal(ours['img'], other['img'])
    with get_local_path('memory://data/train/class0/0_0.png') as copy:
        assert cv2.imread(copy).shape == (32, 32, 3)


def test_boxes_in_memory(tmp_path, memory):
    from mmengine.registry import DATASETS, init_default_scope

    import mvitv2_mm.datasets.mmdet.coco_dataset  # noqa: F401
    root = synthetic_data.make_coco(tmp_path)
    init_default_scope('mmdet')
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True)]
    local, there = (
        DATASETS.build(
            dict(
                type='mvitv2_mm.CocoDataset',
                data_root=place,
                ann_file='annotations/instances_val2017.json',
                data_prefix=dict(img='val2017'),
                metainfo=dict(classes=('person', 'car')),
                pipeline=pipeline)) for place in (root, memory(tmp_path)))
    assert len(local) == len(there) == 2
    for i in range(2):
        assert np.array_equal(local[i]['img'], there[i]['img'])
        boxes, others = (dataset[i]['gt_bboxes'].numpy() for dataset in (local, there))
        assert np.array_equal(boxes, others)


def message(error, path, **kwargs):
    with pytest.raises(error) as info:
        read(path, **kwargs)
    assert '\n' not in str(info.value)
    return str(info.value)


def test_passing_faults_of_a_server_are_waited_for(tmp_path, server):
    (tmp_path / 'a.txt').write_text('here')
    server.faults = [503, 500]
    assert read(f'{server.url}/a.txt') == b'here'
    server.faults = [503] * 3
    url = f'{server.url}/a.txt'
    assert message(OSError, url) == f'{url}: HTTP 503 Service Unavailable'
    server.faults, server.asked = [403], []
    assert message(OSError, url).startswith(f'{url}: HTTP 403')
    assert len(server.asked) == 1  # it will not change its mind


def test_errors_are_lines_that_name_the_file(server, memory, database, tmp_path):
    url = f'{server.url}/absent.jpg'
    assert message(FileNotFoundError, url) == f'{url} does not exist (HTTP 404)'
    text = message(FileNotFoundError, 'memory://absent.jpg')
    assert text == 'memory://absent.jpg does not exist'
    args = database(tmp_path)
    text = message(FileNotFoundError, 'absent.jpg', backend_args=args)
    assert text == f'"absent.jpg" is not in {args["db_path"]}'
    with socket.create_server(('127.0.0.1', 0)) as closed:
        port = closed.getsockname()[1]
    assert 'refused' in message(OSError, f'http://127.0.0.1:{port}/a.jpg')
    assert 'no file backend is called \'nowhere\'' in message(ValueError, 'nowhere://a.jpg')


def test_a_missing_library_is_named_with_its_command(monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, 's3fs', None)
    monkeypatch.delitem(sys.modules, 'fsspec.implementations.s3', raising=False)
    for read_it in (read, lambda path: ImageDataset(data_root=path, data_prefix='train')):
        with pytest.raises(ImportError, match='s3:// needs s3fs, which .* pip install -c .* s3fs'):
            read_it('s3://bucket/a.jpg')


def test_secrets_are_not_shown(tmp_path, server):
    url = f'{server.url}/absent.jpg?signature=hidden'.replace('//', '//me:hidden@', 1)
    assert shown(url) == f'{server.url}/absent.jpg'
    for path in (url, url.partition('me:hidden@')[0] + url.partition('@')[2]):
        with pytest.raises(OSError) as info:
            read(path)
        assert 'hidden' not in str(info.value) and 'absent.jpg' in str(info.value)
    with pytest.raises(OSError) as info:
        FsspecBackend(secret='hidden', more=dict(token='hidden')).get('ftp://127.0.0.1:9/a.jpg')
    assert 'hidden' not in str(info.value) and 'ftp://127.0.0.1:9/a.jpg: ' in str(info.value)
    dataset = ImageDataset(
        data_root=str(tmp_path), data_prefix='', pipeline=[LoadImage()], lazy_init=True)
    (tmp_path / 'list.txt').write_text(f'{url} 0\n')
    dataset.ann_file, dataset.test_mode = str(tmp_path / 'list.txt'), True
    dataset.full_init()
    with pytest.raises(Exception) as info:
        dataset.prepare_data(0)
    assert 'hidden' not in str(info.value) and 'absent.jpg' in str(info.value)
