"""Every number of a report equals that of the metric of the test, and of other libraries."""
import contextlib
import io
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import report_data as data
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from mvitv2_mm.evaluation.mmaction import ava_metric  # noqa: F401, registers it
from mvitv2_mm.evaluation.mmdet import coco_metric  # noqa: F401, registers it
from mvitv2_mm.report import write_report
from mvitv2_mm.report.dump import read_dump
from mvitv2_mm.report.results.coco import Annotations
from mvitv2_mm.report.results.detection import DetectionResult
from mvitv2_mm.report.results.matching import SIZES
from mvitv2_mm.report.results.multi import MultiLabelResult
from mvitv2_mm.report.results.single import Calibration, SingleLabelResult
from mvitv2_mm.report.results.tide import KINDS
from mvitv2_mm.report.views import view


def read(samples, folder):
    return read_dump(data.save(samples, folder / 'dump.pkl'))


def metrics_of_host(run):
    """What the metric that the config names makes of the dump; written as a test does."""
    cfg = Config.fromfile(next(run.glob('*/vis_data/config.py')))
    init_default_scope(cfg.default_scope)
    evaluator = Evaluator(cfg.test_evaluator[0])
    evaluator.dataset_meta = dict(classes=data.CLASSES)
    samples = pickle.loads((run / 'test_predictions.pkl').read_bytes())
    if cfg.test_evaluator[0].type == 'LVISMetric':  # does not read what a test dumps
        for found in (sample['pred_instances'] for sample in samples):
            found['masks'] = torch.tensor(coco_mask.decode(found['masks'])).movedim(-1, 0)
    with contextlib.redirect_stdout(io.StringIO()):
        found = evaluator.offline_evaluate(samples)
    (run / 'test_metrics.json').write_text(json.dumps(found, default=float))
    return found


@pytest.mark.parametrize('task, number', [('image', 1), ('video', 3), ('several', 2),
                                          ('detection', 16), ('lvis', 18), ('action_detection', 1)])
def test_all_metrics_of_a_test_are_computed_again(task, number, tmp_path):
    run = data.make_run(tmp_path / 'run', task)
    expected = metrics_of_host(run)
    done = write_report(run, tmp_path / 'report.html')
    found = {m['name']: m['computed'] for m in done['runs'][0]['metrics']}
    assert found.keys() == expected.keys() and len(found) == number
    for key, value in found.items():
        digits = 5.1e-4 if task in ('detection', 'lvis') else 1e-6  # mmdet rounds
        assert value == pytest.approx(expected[key], rel=1e-6, abs=digits)
    page = (tmp_path / 'report.html').read_text()
    assert page.count('<td>equal</td>') == number and 'DIFFERENT' not in page


def test_a_metric_that_is_not_that_of_the_dump_is_seen(tmp_path):
    run = data.make_run(tmp_path / 'run', 'image')
    found = metrics_of_host(run)
    wrong = json.dumps({'accuracy/top1': found['accuracy/top1'] - 1})
    (run / 'test_metrics.json').write_text(wrong)
    write_report(run, tmp_path / 'report.html')
    assert 'DIFFERENT' in (tmp_path / 'report.html').read_text()


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_detections_equal_pycocotools(kind, tmp_path):
    samples, path = data.scenes(tmp_path, count=15, seed=3)
    result = DetectionResult(read(samples, tmp_path), Annotations(path), kind)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(path)
        rows = [row for sample in samples for row in coco_rows(sample, kind)]
        evaluation = COCOeval(truth, truth.loadRes(rows), kind)
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval['precision'][..., 2]  # thresholds, recalls, classes, sizes
    expected = np.where((precision > -1).all(1), precision.mean(1), np.nan).transpose(1, 2, 0)
    assert np.isfinite(expected).all(-1).sum() >= 3 * len(data.CLASSES)
    np.testing.assert_allclose(result.table[0], expected, atol=1e-12)
    assert len(SIZES) == expected.shape[1]


def coco_rows(sample, kind):
    found = sample['pred_instances']
    for i, (x0, y0, x1, y1) in enumerate(found['bboxes'].tolist()):
        row = dict(
            image_id=sample['img_id'],
            category_id=int(found['labels'][i]) + 5,
            score=float(found['scores'][i]))
        if kind == 'bbox':
            yield {**row, 'bbox': [x0, y0, x1 - x0, y1 - y0]}
        else:
            yield {**row, 'segmentation': found['masks'][i]}


def test_a_picture_that_counts_twice_counts_like_two(tmp_path):
    """Weights, with which the samples are drawn again."""
    samples, path = data.scenes(tmp_path, count=6)
    result = DetectionResult(read(samples, tmp_path), Annotations(path), 'bbox')
    content = json.loads(path.read_text())
    for image in list(content['images'])[:3]:
        content['images'].append({**image, 'id': image['id'] + 1})
        content['annotations'] += [{
            **one, 'image_id': image['id'] + 1
        } for one in content['annotations'] if one['image_id'] == image['id']]
    path.write_text(json.dumps(content))
    twice = samples + [{**sample, 'img_id': sample['img_id'] + 1} for sample in samples[:3]]
    other = DetectionResult(read(twice, tmp_path), Annotations(path), 'bbox')
    weights = np.array([2, 2, 2, 1, 1, 1.])
    # equal scores of the copies change places, which moves single points of the curves
    assert result.score(weights) == pytest.approx(other.score(), abs=0.02)
    assert result.score(np.ones(6)) == pytest.approx(result.score())


def test_the_six_kinds_of_errors(tmp_path):
    """One of each, and what mending it brings, by hand."""
    box = [0, 0, 100, 100]
    objects = [(0, box, 0), (1, box, 0), (2, box, 0), (3, box, 0), (4, box, 0), (5, box, 0)]
    content = dict(
        images=[dict(id=i, height=300, width=300) for i in range(6)],
        categories=[dict(id=i, name=name) for i, name in enumerate(data.CLASSES)],
        annotations=[
            dict(id=n, image_id=i, category_id=c, bbox=b, area=10000, iscrowd=0)
            for n, (i, b, c) in enumerate(objects)
        ])
    path = tmp_path / 'annotations.json'
    path.write_text(json.dumps(content))
    found = [
        data.detected(0, [box, box], [0, 0], [.9, .5]),  # right, and again: duplicate
        data.detected(1, [box], [1], [.8]),  # another class
        data.detected(2, [[0, 0, 40, 100]], [0], [.7]),  # IoU 0.4
        data.detected(3, [[0, 0, 40, 100]], [2], [.6]),  # both
        data.detected(4, [[200, 200, 290, 290]], [0], [.4]),  # background
        data.detected(5, [], [], []),
    ]
    result = DetectionResult(read(found, tmp_path), Annotations(path), 'bbox')
    kinds = [KINDS[k] if k >= 0 else 'right' for k in result.errors.kind]
    assert kinds == ['right', 'duplicate', 'classification', 'localisation', 'both', 'background']
    assert result.errors.missed.tolist() == [False, False, False, True, True, True]
    # before: class 0 finds 1 of 6, the classes 1 and 2 have false detections alone
    before = 17 / 101 / 3
    assert result.table[0, 0, 0, 0] == pytest.approx(17 / 101)
    # class 1 is gone, and class 0 finds 2 of 6 without an error
    assert result.costs['classification'] == pytest.approx(34 / 101 / 2 - before)
    assert result.costs['localisation'] == pytest.approx(34 / 101 / 3 - before)
    assert result.costs['both'] == pytest.approx(17 / 101 / 2 - before)
    assert result.costs['duplicate'] == result.costs['background'] == 0
    assert result.costs['missed'] == pytest.approx(34 / 101 / 3 - before)  # 1 of 3


def test_errors_are_counted_at_the_score_that_stands_above_them(tmp_path):
    """As if there were no other detections; and all detections are told of."""
    samples, path = data.scenes(tmp_path, count=15, seed=2)
    result = DetectionResult(read(samples, tmp_path), Annotations(path), 'bbox')
    errors = view(result, []).errors
    for sample in samples:
        found = sample['pred_instances']
        kept = found['scores'] >= errors['score']
        found['masks'] = [mask for mask, keep in zip(found['masks'], kept) if keep]
        found.update({key: found[key][kept] for key in ('bboxes', 'labels', 'scores')})
    few = DetectionResult(read(samples, tmp_path), Annotations(path), 'bbox')
    expected = [row[3] for row in view(few, []).errors['rows']]
    assert [row[4] for row in errors['rows']] == expected
    assert [sum(row[5]) for row in errors['rows']] == expected
    total, right, ignored = map(int, re.findall(r'\d+', errors['sum']))
    assert total == len(result.ranked.score) == right + ignored + sum(
        row[3] for row in errors['rows'] if row[0] != 'missed')
    assert expected[-1] > errors['rows'][-1][3] > 0  # more objects are missed


def test_confusions_of_objects_agree_with_what_was_found(tmp_path):
    samples, path = data.scenes(tmp_path, count=15, seed=1)
    result = DetectionResult(read(samples, tmp_path), Annotations(path), 'bbox')
    for step, cells in enumerate(result.counts.matrix):
        matrix = np.zeros((5, 5), int)
        for place, count in cells.items():
            matrix[place] = count
        assert (matrix[:4].sum(1) == result.counts.positives).all()
        assert (matrix.diagonal()[:4] == result.counts.right[:, step]).all()
        wrong = matrix[:, :4].sum(0) - matrix.diagonal()[:4]
        assert (wrong == result.counts.wrong[:, step]).all()


def test_classes_equal_scikit_learn_at_every_threshold(tmp_path):
    result = SingleLabelResult(read(data.single(tmp_path, strength=1.), tmp_path))
    for step, threshold in ((0, 0.), (9, 0.45), (16, 0.8)):
        said = np.where(result.confidence >= threshold, result.predicted, 4)
        expected = precision_recall_fscore_support(
            result.truth, said, labels=range(4), zero_division=0)
        for ours, theirs in zip(result.counts.rates(), expected):
            np.testing.assert_allclose(np.nan_to_num(ours[:, step]), theirs)


def test_calibration_equals_scikit_learn():
    rng = np.random.default_rng(0)
    confidence = rng.random(500)
    correct = rng.random(500) < confidence**2
    ours = Calibration(confidence, correct)
    accuracy, mean = calibration_curve(correct, confidence, n_bins=15)
    np.testing.assert_allclose(ours.accuracy, accuracy)
    np.testing.assert_allclose(ours.confidence, mean)
    expected = sum(abs(a - m) * c for a, m, c in zip(accuracy, mean, ours.counts)) / 500
    assert ours.error == pytest.approx(expected)
    assert Calibration(np.array([1., 1., 0.]), np.array([True, True, False])).error == 0


def test_several_classes_equal_scikit_learn(tmp_path):
    result = MultiLabelResult(read(data.several(), tmp_path))
    expected = average_precision_score(result.truth, result.scores, average=None)
    np.testing.assert_allclose(result.table, expected)
    weights = np.random.default_rng(0).integers(0, 3, len(result.truth)).astype(float)
    expected = average_precision_score(result.truth, result.scores, sample_weight=weights)
    assert result.score(weights) == pytest.approx(expected)


def test_wrong_labels_are_found(tmp_path):
    samples = data.single(tmp_path, count=80, strength=4.)
    scores = np.stack([sample['pred_score'] for sample in samples])
    planted = [int(scores[:, label].argmax()) for label in range(3)]  # the surest of each class
    for i in planted:
        samples[i]['gt_label'] = (samples[i]['gt_label'] + 1) % 4
    found = SingleLabelResult(read(samples, tmp_path)).mislabelled()
    assert {i for i, _ in found[:3]} == set(planted)
    assert all(other == i % 4 for i, other in found[:3])
    assert len(found) < 12


def test_actions_are_named_and_counted(tmp_path):
    run = data.make_run(tmp_path / 'run', 'action_detection')
    write_report(run, tmp_path / 'report.html')
    page = (tmp_path / 'report.html').read_text()
    assert all(f'<td>{name}</td>' in page for name in data.CLASSES)
    assert Path(run).name in page
