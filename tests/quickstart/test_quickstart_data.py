"""The quickstart's data: reproducible, without leakage, and labelled with what it shows."""
import json
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from mvitv2_mm.quickstart import clips, data, scenes
from mvitv2_mm.quickstart.digits import source_digits, split_sources


def test_no_source_digit_is_in_both_splits():
    train, val = (set(split_sources(split)) for split in ('train', 'val'))
    assert not train & val
    assert len(train | val) == len(source_digits()[1])


@pytest.mark.parametrize('draw', [clips.draw_clip, scenes.draw_scene])
def test_drawing_is_reproducible(draw):
    first, again, other = draw('val', 3), draw('val', 3), draw('val', 11)
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])


def centroids(frames):
    """Centre of what differs from the background, per frame, as (x, y)."""
    grey = np.stack(frames).astype(float).mean(-1)
    moving = np.abs(grey - np.median(grey, axis=0))
    moving[moving < 25] = 0
    ys, xs = np.indices(moving.shape[1:])
    weight = moving.sum((1, 2))
    return np.stack([(moving * xs).sum((1, 2)) / weight, (moving * ys).sum((1, 2)) / weight], 1)


@pytest.mark.parametrize('label', range(8))
def test_the_class_of_a_clip_is_its_motion(label):
    places = centroids(clips.draw_clip('val', label + 8))
    x, y = places[-1] - places[0]
    angle = np.degrees(np.arctan2(y, x))  # y points down: 90 degrees is south
    assert abs((angle - 45 * label + 180) % 360 - 180) < 15
    assert clips.DIRECTIONS[2] == 'south'


def test_controls_of_the_motion(tmp_path, monkeypatch):
    monkeypatch.setitem(clips.SPEC, 'num_clips', dict(train=1, val=3))
    clips.make_clips(tmp_path)
    clips.make_controls(tmp_path)
    folders = {
        name: {
            path.name: path
            for path in (tmp_path / name).rglob('*.mp4')
        }
        for name in ('val', 'backwards', 'frozen')
    }
    labels = {
        name: [clips.DIRECTIONS.index(paths[file].parent.name) for file in sorted(paths)]
        for name, paths in folders.items()
    }
    assert labels == dict(val=[0, 1, 2], backwards=[4, 5, 6], frozen=[0, 1, 2])
    frames = {name: read(paths[min(paths)]) for name, paths in folders.items()}
    # MPEG-4 is lossy, so frames are close, not equal
    assert np.abs(frames['val'][::-1] - frames['backwards']).mean() < 6
    assert np.abs(frames['val'] - frames['backwards'])[0].max() > 60
    assert np.abs(np.diff(frames['frozen'], axis=0)).mean() < 2


def read(path):
    video, frames = cv2.VideoCapture(str(path)), []
    while True:
        found, frame = video.read()
        if not found:
            return np.stack(frames).astype(float)
        frames.append(frame)


def test_boxes_enclose_their_masks(tmp_path, monkeypatch):
    from pycocotools.coco import COCO
    monkeypatch.setitem(scenes.SPEC, 'num_scenes', dict(train=2, val=4))
    scenes.make_scenes(tmp_path)
    coco = COCO(str(tmp_path / 'annotations/instances_val.json'))
    assert len(coco.imgs) == 4 and len(coco.anns) >= 4
    for annotation in coco.anns.values():
        ys, xs = np.nonzero(coco.annToMask(annotation))
        x, y, width, height = annotation['bbox']
        expected = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert np.allclose((x, y, x + width, y + height), expected, atol=1)
        assert annotation['area'] == len(xs)
    for image in coco.imgs.values():
        assert (tmp_path / 'val' / image['file_name']).is_file()


def test_unfinished_data_is_made_again(tmp_path, monkeypatch):
    calls = []

    def make(root):
        calls.append(root)
        (root / 'file').write_text('data')
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setitem(data.DATASETS, 'toy', ('toy', dict(version=1), make))
    with pytest.raises(KeyboardInterrupt):
        data.prepare('toy', tmp_path)
    assert not (tmp_path / 'toy').exists()
    root = data.prepare('toy', tmp_path)
    assert data.prepare('toy', tmp_path) == root and len(calls) == 2
    (root / 'file').unlink()
    data.prepare('toy', tmp_path)
    assert len(calls) == 3
    assert json.loads((root / '.manifest.json').read_text())['num_files'] == 1


def test_two_who_want_the_same_data(tmp_path, monkeypatch):
    calls = []

    def make(folder):
        calls.append(folder)
        time.sleep(0.2)
        (folder / 'file').touch()

    monkeypatch.setitem(data.DATASETS, 'toy', ('toys', dict(seed=1), make))
    with ThreadPoolExecutor() as pool:
        roots = set(pool.map(data.prepare, ['toy'] * 2, [tmp_path] * 2))
    assert roots == {tmp_path / 'toys'} and len(calls) == 1
