"""faster-coco-eval and pycocotools give the same figures, and a user has the choice."""
import json
from importlib import metadata

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mvitv2_mm.evaluation.mmdet.coco_metric import CocoMetric, faster_evaluation

HEIGHT, WIDTH, CLASSES = 90, 120, 4


def draw_ellipse(rng):
    (y, x), (h, w) = rng.integers(0, (HEIGHT - 4, WIDTH - 4)), rng.integers(3, (80, 100))
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    inside = ((rows - y - h / 2) / h)**2 + ((columns - x - w / 2) / w)**2 <= 0.25
    return np.asfortranarray(inside, np.uint8)


def describe(mask, image, label):
    code = coco_mask.encode(mask)
    found = dict(image_id=image, category_id=label, bbox=coco_mask.toBbox(code).tolist())
    return {**found, 'segmentation': dict(code, counts=code['counts'].decode())}


def make_world(seed, most=12):
    """Pictures with crowds, polygons, equal scores, or nothing; one class has no objects."""
    rng = np.random.default_rng(seed)
    images = [dict(id=7 * i, height=HEIGHT, width=WIDTH, file_name=f'{i}.jpg') for i in range(10)]
    objects, found = [], []
    for image in images:
        masks = [draw_ellipse(rng) for _ in range(rng.integers(0, 8))]
        for mask in masks:
            item = describe(mask, image['id'], int(rng.integers(1, CLASSES)))
            item.update(id=len(objects) + 1, area=int(mask.sum()), iscrowd=int(rng.random() < 0.15))
            if not item['iscrowd'] and rng.random() < 0.5:
                x, y, w, h = item['bbox']
                item['segmentation'] = [[x, y, x + w, y, x + w, y + h, x, y + h / 2]]
            objects.append(item)
        for _ in range(rng.integers(0, most)):
            near = masks and rng.random() < 0.7
            mask = np.roll(masks[rng.integers(len(masks))], rng.integers(-3, 4, 2),
                           (0, 1)) if near else draw_ellipse(rng)
            label = int(rng.integers(1, CLASSES + 1)) if most < 100 else 1
            found.append(
                dict(
                    describe(np.asfortranarray(mask), image['id'], label),
                    score=round(float(rng.random()), 1 + int(rng.integers(5)))))
    categories = [dict(id=i, name=f'class {i}') for i in range(1, CLASSES + 1)]
    return dict(images=images, annotations=objects, categories=categories), found


def load(world):
    api = COCO()
    api.dataset = world
    api.createIndex()
    return api


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
@pytest.mark.parametrize('use_classes', [1, 0])
@pytest.mark.parametrize('seed, most', [(0, 12), (1, 12), (2, 12), (3, 250)])
def test_all_figures_are_those_of_pycocotools(seed, most, kind, use_classes):
    """With more than 100 detections in a picture, pycocotools cuts them off for one of them."""
    figures, curves = [], []
    for evaluation in (COCOeval, faster_evaluation()):
        world, found = make_world(seed, most)
        if kind == 'segm':
            for item in found:
                del item['bbox']
        truth = load(world)
        computed = evaluation(truth, truth.loadRes(found), kind)
        computed.params.maxDets = [100, 300, 1000]
        computed.params.useCats = use_classes
        computed.evaluate()
        computed.accumulate()
        computed.summarize()
        figures.append(computed.stats)
        curves.append(computed.eval['precision'])
    assert len(figures[0]) == len(figures[1]) == 12 and len(set(figures[0])) > 6
    assert curves[0].shape == curves[1].shape
    np.testing.assert_allclose(*figures, rtol=0, atol=1e-14)
    np.testing.assert_allclose(*curves, rtol=0, atol=1e-14)


@pytest.fixture
def evaluate(tmp_path):
    """A function that computes the metric, with what it logs."""
    world, found = make_world(4)
    (tmp_path / 'truth.json').write_text(json.dumps(world))
    samples = []
    for image in world['images']:
        own = [item for item in found if item['image_id'] == image['id']]
        boxes = torch.tensor([item['bbox'] for item in own]).view(-1, 4)
        samples.append(
            dict(
                img_id=image['id'],
                ori_shape=(HEIGHT, WIDTH),
                pred_instances=dict(
                    bboxes=torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1),
                    scores=torch.tensor([item['score'] for item in own]),
                    labels=torch.tensor([item['category_id'] - 1 for item in own]).long(),
                    masks=[
                        dict(item['segmentation'], counts=item['segmentation']['counts'].encode())
                        for item in own
                    ])))

    def run(caplog, **options):
        metric = CocoMetric(
            str(tmp_path / 'truth.json'), metric=['bbox', 'segm'], classwise=True, **options)
        metric.dataset_meta = dict(classes=[f'class {i}' for i in range(1, CLASSES + 2)])
        metric.process({}, samples)
        caplog.clear()
        logger = MMLogger.get_instance(tmp_path.name, logger_name='coco')
        logger.addHandler(caplog.handler)
        return metric.evaluate(len(samples)), 'faster-coco-eval' in caplog.text

    return run


def test_the_metric_takes_it_where_it_is_installed(evaluate, caplog, monkeypatch):
    """A class of the training that the file does not list is empty in both."""
    found, is_faster = evaluate(caplog)
    expected, is_slow = evaluate(caplog, faster=False)
    assert is_faster and not is_slow
    assert json.dumps(found) == json.dumps(expected) and len(found) == 12 + CLASSES + 1
    for version in ('', '1.7.9'):  # not installed, or older
        real = metadata.version
        monkeypatch.setattr(metadata, 'version', lambda name: version
                            if name.startswith('faster-coco') else real(name))
        assert evaluate(caplog) == (pytest.approx(expected, nan_ok=True), False)
