"""Boxes get the labels of the names of their categories, and masks of any kind are loaded."""
import copy
import json

import numpy as np
import pytest
import synthetic_data
import torch
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from pycocotools import mask as coco_mask

from mvitv2_mm.datasets.mmdet.coco_dataset import CocoDataset
from mvitv2_mm.datasets.mmdet.load_objects import LoadObjects
from mvitv2_mm.evaluation.mmdet.coco_metric import CocoMetric

CLASSES = ('person', 'car')


@pytest.fixture
def path(tmp_path):
    synthetic_data.make_coco(tmp_path)
    return tmp_path / 'annotations/instances_val2017.json'


def change(path, function):
    content = json.loads(path.read_text())
    function(content)
    path.write_text(json.dumps(content))


def build(path, pipeline=()):
    return CocoDataset(
        ann_file=str(path),
        data_prefix=dict(img=str(path.parents[1] / 'val2017')),
        metainfo=dict(classes=CLASSES),
        pipeline=list(pipeline))


def names(dataset):
    """Class and left side of each box of the first picture, crowds apart."""
    found = dataset.get_data_info(0)['instances']
    return {(CLASSES[obj['bbox_label']], obj['bbox'][0]) for obj in found if not obj['ignore_flag']}


def perfect_ap(path, boxes):
    """AP of predictions that name the boxes rightly."""
    metric = CocoMetric(ann_file=str(path), metric='bbox')
    metric.dataset_meta = dict(classes=CLASSES)
    for image_id in (1, 2):
        prediction = dict(
            bboxes=torch.tensor([[x, 10, x + 25, 45] for _, x in boxes]),
            scores=torch.ones(len(boxes)),
            labels=torch.tensor([CLASSES.index(name) for name, _ in boxes]))
        metric.process({}, [dict(img_id=image_id, ori_shape=(60, 80), pred_instances=prediction)])
    return metric.evaluate(2)['coco/bbox_mAP']


def test_categories_in_any_order(path):
    expected = {('person', 5), ('car', 35)}
    assert names(build(path)) == expected and perfect_ap(path, sorted(expected)) == 1
    change(path, lambda content: content['categories'].reverse())
    assert names(build(path)) == expected and perfect_ap(path, sorted(expected)) == 1


def test_a_file_may_lack_a_category(path):
    change(
        path, lambda content: content.update(
            categories=content['categories'][1:],
            annotations=[a for a in content['annotations'] if a['category_id'] == 3]))
    assert names(build(path)) == {('car', 35)} and perfect_ap(path, [('car', 35.)]) == 1


def test_what_tools_leave_out_is_completed(path):
    change(path,
           lambda content: [(a.pop('area'), a.pop('iscrowd')) for a in content['annotations']])
    change(path, lambda c: [a.pop('segmentation') for a in c['annotations']])
    assert names(build(path)) == {('person', 5), ('car', 35), ('person', 0)}
    assert 0 < perfect_ap(path, [('car', 35.), ('person', 5.)]) < 1  # the crowd is an object now


def test_only_tested_pictures_count(path):
    change(path, lambda content: content['images'].append(dict(content['images'][0], id=9)))
    change(path, lambda c: c['annotations'].append(dict(c['annotations'][0], id=99, image_id=9)))
    assert perfect_ap(path, [('car', 35.), ('person', 5.)]) == 1


def test_other_names_are_refused(path):
    change(path, lambda content: content['categories'][0].update(name='Person'))
    with pytest.raises(ValueError, match="val2017.json: .*no category 'person'.* 'Person'"):
        build(path)
    change(path, lambda content: content['categories'][0].update(name='car'))
    with pytest.raises(ValueError, match='have the same name'):
        build(path)


def test_objects_without_masks(path):
    change(path, lambda content: [a.pop('segmentation') for a in content['annotations']])
    build(path)
    with pytest.raises(ValueError, match='6 objects have no mask'):
        build(path, [LoadObjects(with_mask=True)])
    CocoMetric(ann_file=str(path), metric='bbox')
    with pytest.raises(ValueError, match='6 objects have no mask.* metric="bbox"'):
        CocoMetric(ann_file=str(path), metric=['bbox', 'segm'])


def test_run_length_codes_are_loaded_and_polygons_stay(path):
    info = dict(build(path).get_data_info(0), ori_shape=(60, 80))
    load = LoadObjects(with_mask=True)
    polygons = load(copy.deepcopy(info))
    # the crowd is a run-length code, but nothing is learnt from it
    assert isinstance(polygons['gt_masks'], PolygonMasks)
    for obj in info['instances'][:1]:
        code = coco_mask.merge(coco_mask.frPyObjects(obj['mask'], 60, 80))
        obj['mask'] = dict(size=code['size'], counts=code['counts'].decode())
    bitmaps = load(copy.deepcopy(info))
    assert isinstance(bitmaps['gt_masks'], BitmapMasks)
    assert bitmaps['gt_ignore_flags'].tolist() == [False, False, True]
    assert np.array_equal(bitmaps['gt_masks'].masks[:2], polygons['gt_masks'].to_bitmap().masks[:2])
    assert isinstance(
        load(copy.deepcopy(build(path).get_data_info(1) | dict(ori_shape=(60, 80))))['gt_masks'],
        PolygonMasks)
