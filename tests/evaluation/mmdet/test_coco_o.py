"""COCO-O: the domains are evaluated apart, against the COCO API and the published numbers."""
from types import SimpleNamespace

import pytest
import synthetic_data
import torch
from mmdet.evaluation import CocoMetric
from mmengine.registry import METRICS

META = dict(classes=('person', 'car'))
# x1, y1, x2, y2 of the person and the car of every synthetic picture
PERSON, CAR = (5, 10, 30, 45), (35, 10, 60, 45)


@pytest.fixture
def roots(tmp_path):
    return {
        name: synthetic_data.make_coco(tmp_path / name)
        for name in ('coco', 'sketch', 'weather')
    }


def build(roots, **kwargs):
    metric = METRICS.build(dict(type='mvitv2_mm.COCOOMetric', roots=roots, **kwargs))
    metric.dataset_meta = META
    return metric


def detections(root, boxes, labels):
    """The same boxes in both pictures of a folder, as a test loop gives them."""
    return [
        dict(
            img_id=i,
            img_path=f'{root}/val2017/{i:012d}.jpg',
            ori_shape=(60, 80),
            pred_instances=dict(
                bboxes=torch.tensor(boxes, dtype=torch.float).reshape(-1, 4),
                scores=torch.linspace(0.9, 0.8, len(boxes)),
                labels=torch.tensor(labels, dtype=torch.long),
                masks=None)) for i in (1, 2)
    ]


# everything is found in COCO, the person alone in the sketches, nothing well in the weather
FOUND = dict(
    coco=([PERSON, CAR], [0, 1]), sketch=([PERSON], [0]), weather=([(5, 10, 30, 25), CAR], [0, 0]))


def test_domains_mean_and_robustness(roots):
    metric = build(roots)
    samples = [s for name, found in FOUND.items() for s in detections(roots[name], *found)]
    # the order of the pictures does not matter
    metric.process({}, samples[::2])
    metric.process({}, samples[1::2])
    result = metric.evaluate(len(samples))
    assert result['coco-o/bbox_mAP_coco'] == 1
    assert result['coco-o/bbox_mAP_sketch'] == 0.5
    assert result['coco-o/bbox_mAP_weather'] < 0.1
    mean = (result['coco-o/bbox_mAP_sketch'] + result['coco-o/bbox_mAP_weather']) / 2
    assert result['coco-o/bbox_mAP'] == pytest.approx(mean)
    assert result['coco-o/effective_robustness'] == pytest.approx(mean - 0.45)
    for name, found in FOUND.items():
        alone = CocoMetric(f'{roots[name]}/annotations/instances_val2017.json')
        alone.dataset_meta = META
        boxes = detections(roots[name], *found)
        for sample in boxes:
            del sample['pred_instances']['masks']
        alone.process({}, boxes)
        assert alone.evaluate(2)['coco/bbox_mAP'] == result[f'coco-o/bbox_mAP_{name}']


# AP on COCO-O, AP on COCO, effective robustness: MViTv2-H as in the leaderboard of the set, others
# as in table 10 of arXiv 2508.10104
@pytest.mark.parametrize('ood, coco, robustness', [(30.9, 56.1, 5.62), (63.6, 64.1, 34.7),
                                                   (63.7, 65.4, 34.3), (64.0, 65.3, 34.7),
                                                   (66.4, 65.6, 36.8)])
def test_published_robustness(roots, ood, coco, robustness):
    metric = build(roots)
    aps = dict(coco=coco / 100, sketch=ood / 100 + 0.1, weather=ood / 100 - 0.1)
    metric.metrics = {
        name: SimpleNamespace(compute_metrics=lambda results, ap=ap: dict(bbox_mAP=ap))
        for name, ap in aps.items()
    }
    result = metric.compute_metrics([])
    assert 100 * result['bbox_mAP'] == pytest.approx(ood)
    assert 100 * result['effective_robustness'] == pytest.approx(robustness, abs=0.11)


def test_folders_inside_a_folder(tmp_path):
    roots = dict(coco=synthetic_data.make_coco(tmp_path))
    roots['sketch'] = synthetic_data.make_coco(tmp_path / 'coco-o' / 'sketch')
    metric = build(roots)
    metric.process({}, detections(roots['sketch'], [PERSON], [0]))
    assert {name for name, _ in metric.results} == {'sketch'}


def test_errors(roots):
    with pytest.raises(ValueError, match=r'should name the folder "coco" .* \[\'sketch\'\]'):
        build(dict(sketch=roots['sketch']))
    with pytest.raises(ValueError, match='image "elsewhere/val2017/.*" lies in none of the folder'):
        build(roots).process({}, detections('elsewhere', [PERSON], [0]))
