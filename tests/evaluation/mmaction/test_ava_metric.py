from multiprocessing.pool import ThreadPool

import numpy as np
import pytest
import torch
from mmaction.evaluation import ava_eval
from mmengine.registry import METRICS

ACTIONS = [3, 12, 17, 64, 80]


def people(rng, num):
    """Relative boxes (num, 4) of people next to each other, which overlap a little."""
    left = rng.permutation(np.arange(5) / 5)[:num] + rng.uniform(0, 0.02, num)
    top = rng.uniform(0.1, 0.3, num)
    return np.stack([left, top, left + 0.22, top + rng.uniform(0.4, 0.6, num)], 1)


@pytest.fixture
def files(tmp_path):
    """Writers of annotations (rows) and detections of random scenes."""
    rng = np.random.default_rng(0)
    rows, samples = [], []
    for second in range(902, 932):
        boxes = people(rng, rng.integers(2, 5))
        for i, box in enumerate(boxes):
            rows += [('vid', second, *box, action, i)
                     for action in rng.choice(ACTIONS, rng.integers(1, 4), replace=False)]
        found = np.concatenate([boxes + rng.normal(0, 0.03, boxes.shape), people(rng, 2)])
        samples.append(sample(second, found, rng.uniform(0, 1, (len(found), 80))))
    return tmp_path, rows, samples


def sample(second, boxes, scores):
    instances = dict(bboxes=torch.tensor(boxes), scores=torch.tensor(scores).float())
    return dict(video_id='vid', timestamp=second, pred_instances=instances)


def evaluate(folder, rows, samples, excluded=()):
    write(folder / 'ann.csv', rows)
    write(folder / 'excluded.csv', excluded)
    names = ''.join(f'item {{\n  name: "a{i}"\n  id: {i}\n}}\n' for i in ACTIONS)
    (folder / 'labels.pbtxt').write_text(names)
    metric = METRICS.build(
        dict(
            type='mvitv2_mm.AVAMetric',
            ann_file=str(folder / 'ann.csv'),
            label_file=str(folder / 'labels.pbtxt'),
            exclude_file=str(folder / 'excluded.csv') if excluded else None))
    for item in samples:
        metric.process({}, [item])
    return metric.evaluate(len(samples))


def write(path, rows):
    path.write_text(''.join(','.join(map(str, row)) + '\n' for row in rows))


def test_equals_the_hosts_evaluator(files, monkeypatch):
    """Where all frames and actions are annotated, and from a file that does not round."""
    monkeypatch.setattr('multiprocessing.Pool', lambda _: ThreadPool(1))  # 32 processes
    folder, rows, samples = files
    metrics = evaluate(folder, rows, samples)
    detections = []
    for item in samples:
        instances = item['pred_instances']
        for box, scores in zip(instances['bboxes'].tolist(), instances['scores'].tolist()):
            detections += [('vid', item['timestamp'], *box, action, scores[action - 1])
                           for action in ACTIONS]
    write(folder / 'detections.csv', detections)
    names = ('detections.csv', 'labels.pbtxt', 'ann.csv', 'excluded.csv')
    result, *paths = [str(folder / name) for name in names]
    expected = ava_eval(result, 'mAP', *paths, verbose=False)
    assert metrics == pytest.approx({f'mAP/{key}': value for key, value in expected.items()})
    assert 0.1 < metrics['mAP/overall'] < 0.9


def test_by_hand(tmp_path):
    """Two people, one action. Best score: found. Second: the same person. Third: found."""
    near, far = [0., 0., 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]
    rows = [('vid', 902, *near, 12, 0), ('vid', 902, *far, 12, 1), ('vid', 903, *far, 3, 2)]
    scores = np.zeros((3, 80))
    scores[:, 11] = 0.00003, 0.00002, 0.00001  # ties if they were rounded
    item = sample(902, [near, near, far], scores)
    # 1 at recall 1/2, 2/3 at recall 1; action 3 is never found
    assert evaluate(tmp_path, rows, [item])['mAP/overall'] == pytest.approx((5 / 6 + 0) / 2)
    metrics = evaluate(tmp_path, rows[:2], [item])
    assert metrics['mAP/overall'] == metrics['mAP/person_movement'] == pytest.approx(5 / 6)
    assert np.isnan(metrics['mAP/person_interaction'])  # not annotated


def test_detections_in_frames_without_annotation_count(files):
    folder, rows, samples = files
    rng = np.random.default_rng(1)
    nobody = [sample(s, people(rng, 2), rng.uniform(0.5, 1, (2, 80))) for s in range(932, 942)]
    full = evaluate(folder, rows, samples)['mAP/overall']
    assert evaluate(folder, rows, samples + nobody)['mAP/overall'] < full - 0.02
    excluded = [('vid', second) for second in range(932, 942)]
    assert evaluate(folder, rows, samples + nobody, excluded)['mAP/overall'] == full


def test_excluded_annotations_are_not_missed(files):
    folder, rows, samples = files
    excluded = [('vid', 910)]
    without = [row for row in rows if row[1] != 910]
    kept = [item for item in samples if item['timestamp'] != 910]
    assert evaluate(folder, rows, samples, excluded) == evaluate(folder, without, kept)
