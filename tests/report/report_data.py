"""Dumps as tests of trained networks write them, with their configs."""
import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import torch
from pycocotools import mask as coco_mask

CLASSES = ('ant', 'bee', 'cat', 'dog')
SIZE = 64


def save(samples, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(samples, protocol=2))  # as mmengine does
    return path


def softmax(scores):
    scores = np.exp(scores)
    return scores / scores.sum(-1, keepdims=True)


def single(root, count=60, strength=2., seed=0, clips=False):
    """A dump of pictures, which exist, or of clips, which do not."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(count):
        label = i % len(CLASSES)
        scores = rng.normal(0, 1, len(CLASSES)) + strength * (np.arange(len(CLASSES)) == label)
        name = root / 'val' / CLASSES[label] / f'{i:03}.{"mp4" if clips else "png"}'
        name.parent.mkdir(parents=True, exist_ok=True)
        if not clips:
            cv2.imwrite(str(name), np.full((40, 30, 3), 40 * label + 20, np.uint8))
        scores = torch.tensor(softmax(scores)).float()
        samples.append({
            'filename' if clips else 'img_path': str(name),
            'num_classes': len(CLASSES),
            'gt_label': torch.tensor([label]),
            'pred_label': scores.argmax(0, keepdim=True),
            'pred_score': scores,
        })
    return samples


def several(count=50, seed=0):
    """A dump of clips with one class or more each."""
    rng = np.random.default_rng(seed)
    truth = rng.random((count, len(CLASSES))) < 0.4
    truth[np.arange(count), rng.integers(0, len(CLASSES), count)] = True
    scores = np.round((truth * 0.3 + rng.random(truth.shape)) / 1.4, 2)  # some are equal
    return [
        dict(
            filename=f'{i}.mp4',
            gt_label=torch.tensor(truth[i]).float(),
            pred_score=torch.tensor(scores[i]).float()) for i in range(count)
    ]


def scenes(root, count=12, seed=0, size=300):
    """A dump of boxes and masks of all sizes, and the COCO file; returns (samples, file).

    Some objects are crowds, some detections have equal scores, some pictures have no objects.
    """
    rng = np.random.default_rng(seed)
    images, objects, samples = [], [], []
    for i in range(count):
        images.append(dict(id=10 * i, file_name=f'{i}.png', height=size, width=size))
        boxes = _boxes(rng, rng.integers(0, 6), size)
        labels = rng.integers(0, len(CLASSES), len(boxes))
        for box, label in zip(boxes, labels):
            code = rectangle(box, size)
            objects.append(
                dict(
                    id=len(objects) + 1,
                    image_id=10 * i,
                    category_id=int(label) + 5,
                    bbox=[*box[:2], *(box[2:] - box[:2])],
                    area=float(coco_mask.area(code)),
                    iscrowd=int(rng.random() < 0.15),
                    segmentation=dict(size=code['size'], counts=code['counts'].decode())))
        again = rng.integers(0, max(len(boxes), 1), 3 * len(boxes))
        found = boxes[again] + rng.normal(0, 6, (len(again), 4)) if len(boxes) else boxes
        found = np.concatenate([found, _boxes(rng, 3, size)]).clip(0, size)
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 3).clip(0, size)
        found[:, :2] = np.minimum(found[:, :2], found[:, 2:] - 3)
        right = rng.random(len(again)) < 0.7
        classes = np.where(right, labels[again], rng.integers(0, len(CLASSES), len(again)))
        classes = np.concatenate([classes, rng.integers(0, len(CLASSES), 3)]).astype(int)
        scores = np.round(rng.random(len(found)), 1) + 0.05
        samples.append(detected(10 * i, found, classes, scores, size))
        picture = rng.integers(0, 255, (size, size, 3), dtype=np.uint8)
        samples[-1]['img_path'] = str(root / f'{i}.png')
        root.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(samples[-1]['img_path'], picture)
    content = dict(
        images=images,
        annotations=objects,
        categories=[dict(id=label + 5, name=name) for label, name in enumerate(CLASSES)])
    path = root / 'annotations.json'
    path.write_text(json.dumps(content, default=float))
    return samples, path


def lvis(root, seed=0):
    """The same, with a file in which some classes were looked for in each picture.

    The first picture has more detections than count.
    """
    samples, path = scenes(root, seed=seed)
    content, rng = json.loads(path.read_text()), np.random.default_rng(seed)
    content['annotations'] = [one for one in content['annotations'] if not one.pop('iscrowd')]
    for image in content['images']:
        here = {
            one['category_id']
            for one in content['annotations'] if one['image_id'] == image['id']
        }
        absent = [one['id'] for one in content['categories'] if one['id'] not in here]
        image['neg_category_ids'] = absent[:rng.integers(0, 3)]
        image['not_exhaustive_category_ids'] = [one for one in here if rng.random() < 0.5]
    for category, frequency in zip(content['categories'], 'rcff'):
        category['frequency'] = frequency
    path.write_text(json.dumps(content))
    found = samples[0]['pred_instances']
    many = detected(0, _boxes(rng, 298, 300), [0] * 298, [.99] * 298)['pred_instances']
    for key in ('bboxes', 'labels', 'scores'):
        found[key] = torch.cat([many[key], found[key]])
    found['masks'] = many['masks'] + found['masks']
    return samples, path


def _boxes(rng, count, size):
    """Corners of boxes from 10 to 200 pixels."""
    sides = np.exp(rng.uniform(np.log(10), np.log(200), (count, 2)))
    start = rng.uniform(0, 1, (count, 2)) * (size - sides)
    return np.concatenate([start, start + sides], 1)


def rectangle(box, size):
    mask = np.zeros((size, size), np.uint8, order='F')
    left, top, right, bottom = np.rint(box).astype(int)
    mask[top:bottom, left:right] = 1
    return coco_mask.encode(mask)


def detected(img_id, boxes, labels, scores, size=300):
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    return dict(
        img_id=img_id,
        img_path=f'{img_id}.png',
        ori_shape=(size, size),
        pred_instances=dict(
            bboxes=torch.tensor(boxes).float(),
            labels=torch.tensor(np.asarray(labels, int)),
            scores=torch.tensor(np.asarray(scores)).float(),
            masks=[rectangle(box, size) for box in boxes]))


def actions(root, count=30, seed=0):
    """A dump of people in key frames, and the AVA file; returns (samples, file)."""
    rng = np.random.default_rng(seed)
    lines, samples = [], []
    for second in range(902, 902 + count):
        left = np.array([0.05, 0.5])
        boxes = np.stack([left, [0.1] * 2, left + 0.4, [0.9] * 2], 1)
        for person, box in enumerate(boxes):
            for action in rng.choice([1, 2, 4], rng.integers(1, 3), replace=False):
                values = ','.join(f'{value:.3f}' for value in box)
                lines.append(f'film,{second},{values},{action},{person}')
        found = np.concatenate([boxes + rng.normal(0, 0.05, boxes.shape), [[.4, .4, .6, .6]]])
        instances = dict(
            bboxes=torch.tensor(found).float(), scores=torch.tensor(rng.random((3, 4))).float())
        samples.append(dict(video_id='film', timestamp=second, pred_instances=instances))
    path = root / 'ava.csv'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines[:-3]) + '\n')
    return samples, path


def config(path: Path, scope: str, dataset: dict, evaluator: dict) -> Path:
    """A plain config, as it lies beside the log of a test."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'default_scope = {scope!r}\n'
                    f'test_dataloader = dict(dataset={dataset!r})\n'
                    f'test_evaluator = {evaluator!r}\nmodel = dict()\n')
    return path


CONFIGS = {
    'image':
    ('mmpretrain', dict(type='CustomDataset', data_root='',
                        metainfo=dict(classes=CLASSES)), dict(type='Accuracy', topk=(1, ))),
    'video': ('mmaction', dict(type='VideoDataset', ann_file='',
                               metainfo=dict(classes=CLASSES)), dict(type='AccMetric')),
    'several':
    ('mmaction', dict(type='VideoDataset', ann_file='', metainfo=dict(classes=CLASSES)),
     dict(type='AccMetric', metric_list=('mean_average_precision', 'mmit_mean_average_precision'))),
}


def make_run(root: Path, task: str, strength: float = 2., seed: int = 0) -> Path:
    """A work dir with the dump of a task and the config of its test."""
    samples, file = None, None
    if task == 'several':
        samples = several(seed=seed)
    elif task in ('image', 'video'):
        samples = single(root.parent / 'data', strength=strength, clips=task == 'video', seed=seed)
    elif task in ('detection', 'lvis'):
        make = scenes if task == 'detection' else lvis
        samples, file = make(root.parent / 'scenes', seed=seed)
        metric = 'mvitv2_mm.CocoMetric' if task == 'detection' else 'LVISMetric'
        evaluator = dict(type=metric, ann_file=str(file), metric=['bbox', 'segm'])
        if task == 'detection':
            evaluator['classwise'] = True
        scope, dataset = 'mmdet', dict(type='CocoDataset', metainfo=dict(classes=CLASSES))
    else:
        samples, file = actions(root.parent / 'films', seed=seed)
        evaluator = dict(type='mvitv2_mm.AVAMetric', ann_file=str(file))
        scope, dataset = 'mmaction', dict(
            type='mvitv2_mm.AVADataset', ann_file=str(file), metainfo=dict(classes=CLASSES))
    if task in CONFIGS:
        scope, dataset, evaluator = CONFIGS[task]
    save(samples, root / 'test_predictions.pkl')
    dump = dict(type='DumpResults', out_file_path=str(root / 'test_predictions.pkl'))
    config(root / '20300101_000000' / 'vis_data' / 'config.py', scope, dataset, [evaluator, dump])
    return root
