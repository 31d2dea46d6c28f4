"""What a fine-tuning has reached, for people: a table, pictures, what to type next."""
import json
import os
import shlex
from typing import Dict, List, Optional

import mmengine
from mmengine.config import Config
from rich.table import Table

from ..report import write_report
from .job import Job

# the first metric is the one that decides which checkpoint is best
METRICS = {
    'image': {
        'accuracy/top1': 'top-1 accuracy, %'
    },
    'detection': {
        'coco/bbox_mAP': 'box mAP',
        'coco/bbox_mAP_50': 'box mAP at IoU 0.5',
        'coco/segm_mAP': 'mask mAP',
        'coco/segm_mAP_50': 'mask mAP at IoU 0.5'
    },
    'video': {
        'acc/top1': 'top-1 accuracy',
        'acc/mean1': 'mean accuracy of the classes'
    },
    'action_detection': {
        'mAP/overall': 'mAP at IoU 0.5'
    },
}
_SHOWN_CLASSES = 30


def make_table(task: str, job: Job, cfg: Config) -> Table:
    """The metrics of the test, and those of each class where there are few."""
    metrics = json.loads(job.metrics.read_text())
    place = os.path.basename(cfg.test_dataloader.dataset.ann_file)
    table = Table('metric', 'value', title=f'best checkpoint, tested on {place}')
    for key, label in METRICS[task].items():
        if key in metrics:
            table.add_row(label, f'{metrics[key]:.4g}')
    rows = per_class(task, job, cfg.classes, metrics)
    if 0 < len(rows) <= _SHOWN_CLASSES:
        table.add_section()
        for name, text in rows.items():
            table.add_row(name, text)
    return table


def per_class(task: str, job: Job, classes: List[str], metrics: Dict[str, float]) -> Dict[str, str]:
    """Accuracy or average precision of each class, as text."""
    if task == 'detection':
        found = {name: metrics.get(f'coco/{name}_precision') for name in classes}
        return {name: f'AP {value:.3f}' for name, value in found.items() if value is not None}
    if task == 'action_detection':
        return {}
    counts: Dict[int, List[int]] = {}
    for row in mmengine.load(job.predictions):
        truth, right = counts.setdefault(int(row['gt_label']), [0, 0]), row
        truth[0] += 1
        truth[1] += int(right['pred_label']) == int(right['gt_label'])
    return {
        classes[label]: f'{100 * right / total:.1f} % of {total}'
        for label, (total, right) in sorted(counts.items())
    }


def report(job: Job) -> List[str]:
    """Write a report of training and test, and a sheet of predictions; their paths."""
    done = write_report(job.out, job.out / 'report.html', sheet=job.out / 'predictions.png')
    return [path for path in (done['out'], done['sheet']) if path]


def predict_line(job: Job, sample: str) -> str:
    """What to type to use the model."""
    model = os.path.relpath(job.out / 'models' / 'best')
    return f'python -m mvitv2_mm predict {shlex.quote(model)} {shlex.quote(sample)}'


def first_sample(task: str, job: Job, cfg: Config) -> Optional[str]:
    """A file of the test set."""
    row = mmengine.load(job.predictions)[0]
    name = row.get('img_path') or row.get('filename') or row.get('video_id')
    return os.path.relpath(os.path.join(cfg.test_dataloader.dataset.data_root, name))
