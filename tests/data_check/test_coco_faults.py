"""Faults of COCO files: found by the check, and refused or read rightly by training and metric."""
import json
import math
import re

import pytest
import synthetic_data
from mmengine.registry import init_default_scope
from problems import edit_json
from pycocotools import mask as coco_mask

from mvitv2_mm.data_check import KINDS, SplitReport
from mvitv2_mm.data_check.check import SCANS
from mvitv2_mm.datasets.mmdet import coco_dataset
from mvitv2_mm.datasets.mmdet.coco_dataset import CocoDataset
from mvitv2_mm.evaluation.mmdet.coco_metric import CocoMetric

CLASSES = ('person', 'car')
POLYGON = [5, 10, 30, 10, 30, 45, 5, 45]


@pytest.fixture
def path(tmp_path):
    synthetic_data.make_coco(tmp_path)
    init_default_scope('mmdet')
    return tmp_path / 'annotations/instances_train2017.json'


def config(path, with_mask=True, **options):
    steps = [
        dict(type='mvitv2_mm.LoadImage'),
        dict(type='LoadAnnotations', with_bbox=True, with_mask=with_mask)
    ]
    return dict(
        ann_file=str(path),
        data_prefix=dict(img=f'{path.parents[1]}/train2017/'),
        metainfo=dict(classes=CLASSES),
        pipeline=steps,
        **options)


def build(path, **options):
    return CocoDataset(**config(path, **options))


def errors_of(path):
    """What the check finds in the annotations."""
    found = []
    report = SplitReport('train', lambda split, problem: found.append(problem), by_name=True)
    SCANS['CocoDataset'](config(path), None, report)
    return [f'{where}: {what}' for kind, where, what in found if KINDS[kind].is_error]


def code(size, counts):
    return lambda content: content['annotations'][0].update(
        segmentation=dict(size=size, counts=counts))


def first(**values):
    return lambda content: content['annotations'][0].update(values)


def image(**values):
    return lambda content: content['images'][0].update(values)


def without(name, key):
    return lambda content: content[name][0].pop(key)


@pytest.mark.parametrize('change, where, what', [
    (first(segmentation='mask'), 'annotation 1', '"segmentation" is "mask", which is no list'),
    (first(segmentation=[['a'] * 6]), 'annotation 1', '"segmentation" should be a list of polyg'),
    (first(segmentation=[[1, 2, 3, 4, 5, 6, 7]]), 'annotation 1', '"segmentation" should be a li'),
    (first(segmentation=[[1, 2, math.nan, 4, 5, 6]]), 'annotation 1', 'but is [[1, 2, NaN, 4, 5,'),
    (code([60, 80], [0, 100]), 'annotation 1', 'run-length code, but is {"size": [60, 80], "cou'),
    (code([60, 80], [-5, 4805]), 'annotation 1', 'should be a list of polygons or a run-length co'),
    (code([60, 80], '0T3'), 'annotation 1', 'code, but is {"size": [60, 80], "counts": "0T3"}'),
    (code([60, 80], '0Ql4'), 'annotation 1', 'should be a list of polygons or a run-length co'),
    (code([60, 80], 'no code'), 'annotation 1', 'should be a list of polygons or a run-length co'),
    (code([30, 80], [0, 2400]), 'annotation 1', 'code of [30, 80] pixels (height, width), but th'),
    (code([100000, 100000],
          [0, 10**10]), 'annotation 1', 'code of [100000, 100000] pixels (height, wid'),
    (first(bbox=[1, 2, 3]), 'annotation 1', '"bbox" should be four numbers x, y, w, h, but is [1'),
    (first(bbox=[1, 2, 3, math.inf]), 'annotation 1', '"bbox" should be four numbers'),
    (first(bbox=[1, 2, -3, 4]), 'annotation 1', 'has a negative side; the order is x, y, width'),
    (without('annotations', 'bbox'), 'annotation 1', 'has no "bbox"'),
    (first(area='large'), 'annotation 1', '"area" is "large", which is no number'),
    (first(area=-1), 'annotation 1', '"area" -1 is negative'),
    (first(iscrowd='0'), 'annotation 1', '"iscrowd" is "0", which is no number'),
    (first(image_id='1'), 'annotation 1', '"image_id" "1" is no id in "images"'),
    (first(category_id='1'), 'annotation 1', '"category_id" "1" is no id in "categories"'),
    (image(height='60'), 'images[0]', '"height" is "60", which is no number'),
    (image(width=0), 'images[0]', 'is 60 x 0 pixels large'),
    (image(file_name=1), 'images[0]', '"file_name" is 1, which is no str'),
    (without('images', 'file_name'), 'images[0]', 'has no "file_name"'),
    (without('images', 'height'), 'images[0]', 'has no "height"'),
    (image(id=2), 'images[1]', 'repeats the id 2'),
    (lambda content: content['categories'][0].update(name=7), 'categories[0]', '"name" is 7, whi'),
    (lambda content: content['annotations'].insert(0, 'x'), 'annotations[0]',
     'should be an object'),
])
def test_refused(path, change, where, what):
    edit_json(path, change)
    pattern = re.escape(f'{path}, {where}: ') + '.*' + re.escape(what)
    assert any(re.match(pattern, text) for text in errors_of(path)), errors_of(path)
    with pytest.raises(ValueError, match=f'^{pattern}.*check-data') as caught:
        build(path)
    assert '\n' not in str(caught.value)
    with pytest.raises(ValueError, match=pattern):
        CocoMetric(ann_file=str(path), metric='bbox')


@pytest.mark.parametrize('value', [None, [], [5, 10, 25, 35], [[5, 10, 25, 35]]])
def test_no_mask(path, value):
    """Four numbers are a box, which pycocotools would take for a mask."""
    edit_json(path, first(segmentation=value))
    assert [text for text in errors_of(path) if 'annotation 1: 1 objects have no mask' in text]
    with pytest.raises(ValueError, match='1 objects have no mask .* first in .*000001.jpg'):
        build(path)
    build(path, with_mask=False)


def test_a_few_masks_that_cover_nothing(path, monkeypatch):
    """As large sets have them: they are ignored with a line."""

    def repeat(content):
        objects = content['annotations']
        objects += [dict(objects[0], id=10 + i) for i in range(200)]
        objects[0]['segmentation'], objects[1]['segmentation'] = [[5, 10]], [5, 10, 25, 35]

    edit_json(path, repeat)
    assert errors_of(path) == []
    lines = []
    monkeypatch.setattr(coco_dataset, 'print_log', lambda text, *_: lines.append(text))
    dataset = build(path)
    line, = lines
    assert re.match(f'{path}: 2 objects have a mask of less than .* first in .*000001.jpg', line)
    flags = dataset.prepare_data(0)['gt_ignore_flags']
    assert flags.sum() == 3  # with the crowd
    metric = CocoMetric(ann_file=str(path), metric=['bbox', 'segm'])
    masks = [metric._coco_api.annToMask(obj) for obj in metric._coco_api.dataset['annotations'][:4]]
    assert [bool(mask.any()) for mask in masks] == [False, False, True, True]


def crowds(content):
    for obj in content['annotations']:
        obj['iscrowd'] = 1


def small(content):
    for obj in content['annotations']:
        obj['bbox'][2] = 0.5


@pytest.mark.parametrize('change, reason', [(crowds, 'all are crowds; set their "iscrowd" to 0'),
                                            (small, 'none is of one of the classes, a pixel')])
def test_nothing_to_learn_from(path, change, reason):
    edit_json(path, change)
    if change is crowds:
        assert [text for text in errors_of(path) if 'all 6 objects are crowds' in text]
    with pytest.raises(ValueError, match=f'{path}: nothing is learnt .*{reason}'):
        build(path)
    assert len(build(path, test_mode=True)) == 2


def test_completed(path):
    """What is missing and known is read: areas, crowds, ids, a polygon that is in no list."""

    def leave_out(content):
        for obj in content['annotations']:
            del obj['area'], obj['iscrowd']
            obj['id'] = 0
        content['annotations'][0].update(segmentation=POLYGON)
        content['annotations'][1].update(area=None, iscrowd=None)
        content['annotations'][2].update(segmentation=None)
        content['annotations'][3].update(segmentation=[POLYGON, [1, 1]])

    before = json.loads(path.read_text())['annotations']
    edit_json(path, leave_out)
    objects = CocoMetric(ann_file=str(path), metric='bbox')._coco_api.dataset['annotations']
    assert [obj['id'] for obj in objects] == [1, 2, 3, 4, 5, 6]
    assert not any(obj['iscrowd'] for obj in objects)
    masks = [obj['segmentation'] for obj in before]
    wanted = [
        coco_mask.area(coco_mask.merge(coco_mask.frPyObjects(masks[i], 60, 80))) for i in (0, 1)
    ]
    assert [obj['area'] for obj in objects[:3]] == [*wanted, 4 * 60]
    assert objects[0]['segmentation'] == objects[3]['segmentation'] == [POLYGON]
    assert len(build(path, with_mask=False)) == 2


def test_another_size_than_stated(path):
    edit_json(path, image(height=50))
    edit_json(path, lambda content: content['annotations'].pop(2))  # a code of the right size
    dataset = build(path)
    with pytest.raises(Exception, match='000001.jpg is 60 x 80 pixels .* annotated as 50 x 80'):
        dataset.prepare_data(0)
    assert len(dataset[0]['gt_masks'])


@pytest.mark.parametrize('encoding, is_read', [('utf-8-sig', True), ('utf-16', False),
                                               ('latin-1', False)])
def test_encodings(path, encoding, is_read):
    content = json.loads(path.read_text())
    content['categories'][0]['name'] = 'pérson'
    text = json.dumps(content, ensure_ascii=False, indent=1).replace('\n', '\r\n')
    path.write_bytes(text.encode(encoding))
    options = dict(config(path), metainfo=dict(classes=('pérson', 'car')))
    if is_read:
        assert len(CocoDataset(**options)) == 2 and not errors_of(path)[1:]
        CocoMetric(ann_file=str(path), metric='bbox')
        return
    assert any(f'{path}: is not text in UTF-8' in text for text in errors_of(path))
    for read in (lambda: CocoDataset(**options), lambda: CocoMetric(ann_file=str(path))):
        with pytest.raises(ValueError, match=f'^{path} is not text in UTF-8 .*; save it as UTF-8$'):
            read()
