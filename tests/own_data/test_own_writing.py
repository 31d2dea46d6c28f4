"""What is written is read by the datasets of trainings."""
import json
from pathlib import Path

import numpy as np
import pytest
from own_files import every_file, make_clip, make_picture
from own_files import write as write_file

from mvitv2_mm.datasets import ClipDataset
from mvitv2_mm.datasets.mmdet.coco_dataset import CocoDataset
from mvitv2_mm.datasets.mmpretrain.image_dataset import ImageDataset
from mvitv2_mm.own_data import recognise, with_validation, write

# numbers, blanks, commas, other alphabets, and names that are labels of others
CLASSES = ('1', '0', 'hot dog', 'a, b', 'Übung')


def test_pictures(tmp_path):
    for name in CLASSES:
        for i in range(2):
            make_picture(tmp_path / 'data' / name / f'пёс {i} 7.png', width=20 + 10 * i)
    before = every_file(tmp_path / 'data')
    data = with_validation(recognise(tmp_path / 'data'))
    written = write(data, tmp_path / 'out')
    found = set()
    for split in ('train', 'val'):
        dataset = ImageDataset(
            ann_file=written.splits[split].ann_file,
            data_root=written.data_root,
            metainfo=dict(classes=written.classes))
        dataset.full_init()
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        assert len(infos) == written.splits[split].num_samples == 5
        found |= {(info['img_path'], written.classes[info['gt_label']]) for info in infos}
    assert found == {(str(tmp_path / 'data' / name / f'пёс {i} 7.png'), name)
                     for name in CLASSES
                     for i in range(2)}
    assert every_file(tmp_path / 'data') == before
    assert {p.name for p in (tmp_path / 'out').iterdir()} == {'train.txt', 'val.txt', 'split.json'}


def test_a_broken_picture_does_not_tell_the_size(tmp_path):
    for name in 'ab':
        make_picture(tmp_path / 'data' / name / '2.png')
        write_file(tmp_path / 'data' / name / '1.png', 'no picture')
    assert write(recognise(tmp_path / 'data'), tmp_path / 'out').short_side == 30


def test_clips(tmp_path):
    for name in CLASSES:
        for split in ('train', 'val'):
            make_clip(tmp_path / 'data' / split / name / 'x 2.mp4')
    written = write(recognise(tmp_path / 'data'), tmp_path / 'out')
    dataset = ClipDataset(
        ann_file=written.splits['val'].ann_file,
        data_root=written.data_root,
        data_prefix=dict(video=''),
        metainfo=dict(classes=written.classes),
        pipeline=[])
    assert {(info['filename'], written.classes[info['label']])
            for info in (dataset.get_data_info(i) for i in range(len(dataset)))
            } == {(str(tmp_path / 'data' / 'val' / name / 'x 2.mp4'), name)
                  for name in CLASSES}
    assert written.short_side == 16


def test_objects(tmp_path):
    root = tmp_path / 'data'
    make_picture(root / 'images' / 'a b.jpg', orientation=6)  # 30 x 40 upright
    make_picture(root / 'images' / 'empty.jpg')
    write_file(root / 'labels' / 'a b.txt', '1 0.5 0.5 0.2 0.1\n0 0 0 1 0 1 0.5\n')
    write_file(root / 'data.yaml', 'train: images\nnames: [cat, "hot dog"]\n')
    written = write(recognise(root), tmp_path / 'out')
    assert not written.has_masks
    dataset = CocoDataset(
        ann_file=written.splits['train'].ann_file,
        data_root=written.data_root,
        data_prefix=dict(img=''),
        metainfo=dict(classes=written.classes),
        pipeline=[])
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    info = next(info for info in infos if info['instances'])
    assert info['img_path'] == str(root / 'images' / 'a b.jpg')
    assert (info['width'], info['height']) == (30, 40)
    dog, cat = info['instances']
    assert [written.classes[obj['bbox_label']] for obj in (dog, cat)] == ['hot dog', 'cat']
    np.testing.assert_allclose(dog['bbox'], [12, 18, 18, 22], atol=1e-4)
    np.testing.assert_allclose(cat['mask'], [[0, 0, 30, 0, 30, 20]])
    areas = {
        a['category_id']: a['area']
        for a in json.loads(Path(written.splits['train'].ann_file).read_text())['annotations']
    }
    assert areas[2] == pytest.approx(24, abs=0.01) and abs(areas[1] - 300) < 30
    assert len(infos) == written.splits['train'].num_samples == 2


def test_a_name_that_no_list_can_hold(tmp_path):
    for name in ('a', 'b'):
        make_picture(tmp_path / 'data' / name / 'x\ny.png')
    with pytest.raises(ValueError, match='rename the file'):
        write(recognise(tmp_path / 'data'), tmp_path / 'out')
