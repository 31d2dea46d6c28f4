"""Samples in tar files are those of folders, in any order, at any time."""
import io
import json
import os
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import synthetic_data

from mvitv2_mm.datasets import ClipDataset, LoadImage, shards
from mvitv2_mm.datasets.mmpretrain.image_dataset import ImageDataset

READ = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleSegments', clip_len=4, test_mode=True),
    dict(type='mvitv2_mm.ReadFrames'),
]


def write_tar(path, files):
    """A tar file of names and contents."""
    with tarfile.open(path, 'w') as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def root(tmp_path):
    """Two tar files with the pictures of two class folders, and a list of them in that order."""
    folder = tmp_path / 'folders'
    synthetic_data.make_folders(folder)
    pictures = sorted((folder / 'train').rglob('*.png'), key=lambda path: path.name[::-1])
    for i in range(2):
        files = []
        for picture in pictures[4 * i:4 * i + 4]:
            label = picture.parent.name[-1].encode()
            files += [(f'{picture.stem}.png', picture.read_bytes()), (f'{picture.stem}.cls', label)]
        write_tar(tmp_path / f'train-{i:03}.tar', files)
    lines = [f'{path.relative_to(folder)} {path.parent.name[-1]}' for path in pictures]
    (tmp_path / 'list.txt').write_text('\n'.join(lines))
    return tmp_path


def pictures(root, ann_file='train-{000..001}.tar', **kwargs):
    kwargs.setdefault('metainfo', dict(classes=('class0', 'class1')))
    return ImageDataset(data_root=str(root), ann_file=ann_file, pipeline=[LoadImage()], **kwargs)


def assert_equal(dataset, other):
    assert len(dataset) == len(other)
    for ours, theirs in zip(dataset, other):
        assert ours['gt_label'] == theirs['gt_label'] and ours['sample_idx'] == theirs['sample_idx']
        assert np.array_equal(ours['img'], theirs['img'])


def test_pictures_equal_those_of_folders(root):
    expected = pictures(root, 'list.txt', data_prefix='folders')
    assert len(expected) == 8
    assert_equal(pictures(root), expected)
    assert_equal(pictures(root, 'train-*.tar'), expected)
    assert_equal(
        pictures(root, indices=[5, 2]),
        pictures(root, 'list.txt', data_prefix='folders', indices=[5, 2]))
    assert len(pictures(root, 'train-001.tar')) == 4


@pytest.mark.parametrize('place', ['server', 'server without ranges', 'memory'])
def test_tar_files_elsewhere(root, place, server, memory, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(root / 'cache'))
    server.has_ranges = place == 'server'
    url = memory(root) if place == 'memory' else server.url
    expected = pictures(root, 'list.txt', data_prefix='folders')
    for _ in range(2):
        server.asked.clear()
        there = pictures(url)
        asked = [method for method, *_ in server.asked]
        assert_equal(there, expected)
    assert 'GET' not in asked  # the second time the notes of the first are read
    if place == 'server':
        assert all(place for method, _, place in server.asked if method == 'GET')


def test_files_of_the_package_webdataset(root):
    webdataset = pytest.importorskip('webdataset')
    picture = synthetic_data.make_image(3, (20, 30))
    encoded = cv2.imencode('.png', picture)[1].tobytes()
    with webdataset.TarWriter(str(root / 'own.tar')) as writer:
        writer.write({'__key__': 'a/b.c/0', 'png': encoded, 'cls': 1, 'seg.png': b'other'})
        writer.write({'__key__': '1', 'PNG': encoded, 'json': dict(label='class0', more=[1])})
        writer.write({'__key__': '2', 'png': encoded, 'json': dict(label=0), 'cls': 'class1'})
    samples = list(pictures(root, 'own.tar'))
    assert [sample['gt_label'] for sample in samples] == [1, 0, 1]
    assert all(np.array_equal(sample['img'], picture) for sample in samples)


def test_clips_equal_those_of_files(tmp_path, write_video):
    paths = [write_video(f'videos/{name}') for name in ('a.mp4', 'b.avi')]
    files = [(name, (tmp_path / 'videos' / name).read_bytes()) for name in ('a.mp4', 'b.avi')]
    files += [('a.json', b'{"label": [2, 0]}'), ('b.json', b'{"label": 1}')]
    write_tar(tmp_path / 'clips.tar', files)
    (tmp_path / 'list.txt').write_text('a.mp4 2 0\nb.avi 1\n')
    dataset, expected = (
        ClipDataset(
            ann_file,
            READ,
            dict(video='videos'),
            data_root=str(tmp_path),
            multi_class=True,
            num_classes=3,
            test_mode=True) for ann_file in ('clips.tar', 'list.txt'))
    assert len(dataset) == len(paths) == 2
    for ours, theirs in zip(dataset, expected):
        assert np.array_equal(ours['imgs'], theirs['imgs'])
        assert ours['label'].tolist() == theirs['label'].tolist()
    labels = [dataset.get_cat_ids(i) for i in range(2)]
    assert labels == [[2, 0], [1]]


def test_headers_are_read_once(root, monkeypatch):
    scans = []
    scan = shards._scan
    monkeypatch.setattr(shards, '_scan', lambda *args: scans.append(args[0]) or scan(*args))
    expected = pictures(root, 'list.txt', data_prefix='folders')
    for _ in range(2):
        assert_equal(pictures(root), expected)
    assert len(scans) == 2
    (root / 'train-000.tar.index').write_text('{"version": 1')  # cut
    assert_equal(pictures(root), expected)
    assert len(scans) == 3
    changed = Path(root / 'train-001.tar')
    os.utime(changed, ns=(0, 0))
    assert_equal(pictures(root), expected)
    assert scans[3:] == [str(changed)]


def test_damaged_tar_files_are_named(root, monkeypatch):
    monkeypatch.setattr(shards, 'write_text', lambda *args: None)
    path = root / 'train-001.tar'
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        third = archive.getmembers()[2]
    garbage = whole[:third.offset] + b'x' * 512 + whole[third.offset + 512:]
    for content in (b'', b'no tar file' * 100, whole[:third.offset_data + 5], whole[:third.offset],
                    garbage):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r'train-001.tar is damaged at byte \d+ of \d+'):
            pictures(root)
    path.write_bytes(whole)
    dataset = pictures(root)
    path.write_bytes(whole[:third.offset_data + 5])  # while it is used
    with pytest.raises(OSError, match='train-001.tar.*the archive ends before this file does'):
        get_member(dataset, 5)
    path.unlink()
    with pytest.raises(FileNotFoundError, match='train-001.tar does not exist; .* "ann_file"'):
        pictures(root)


def get_member(dataset, index):
    return LoadImage()(dataset.get_data_info(index))


def test_labels_that_cannot_be_meant(tmp_path):
    for label, message in (({}, 'has the label None'), ({
            'label': 'fox'
    }, "has the label 'fox'"), ({
            'label': 2
    }, r'label 2 is outside of 0\.\.1'), ({
            'label': [0, 1]
    }, r'has the label \[0, 1\]')):
        write_tar(tmp_path / 'a.tar', [('7.png', b'..'), ('7.json', json.dumps(label).encode())])
        with pytest.raises(ValueError, match=f'a.tar/7.png.*{message}'):
            pictures(tmp_path, 'a.tar')
    assert len(pictures(tmp_path, 'a.tar', with_label=False)) == 1
    write_tar(tmp_path / 'b.tar', [('7.txt', b'..')])
    with pytest.raises(ValueError, match='b.tar holds no file of the types .jpg'):
        pictures(tmp_path, 'b.tar')
