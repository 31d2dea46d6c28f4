"""What a fine-tuning has reached, for people: a table, pictures, what to type next."""
import json
import os
import shlex
from collections import Counter
from typing import Dict, List

import mmengine
from mmengine.config import Config
from rich.markup import escape
from rich.table import Table

from ..report import write_report
from .job import Job

# of all tasks, in the order of the table
METRICS = {
    'accuracy/top1': 'top-1 accuracy, %',
    'coco/bbox_mAP': 'box mAP',
    'coco/bbox_mAP_50': 'box mAP at IoU 0.5',
    'coco/segm_mAP': 'mask mAP',
    'coco/segm_mAP_50': 'mask mAP at IoU 0.5',
    'acc/top1': 'top-1 accuracy',
    'acc/mean1': 'mean accuracy of the classes',
    'mAP/overall': 'mAP at IoU 0.5',
}
_SHOWN_CLASSES = 30


def make_table(task: str, job: Job, cfg: Config) -> Table:
    """The metrics of the test, and those of each class where there are few."""
    metrics = json.loads(job.metrics.read_text())
    place = os.path.basename(cfg.test_dataloader.dataset.ann_file)
    table = Table('metric', 'value', title=f'best checkpoint, tested on {place}')
    for key, label in METRICS.items():
        if key in metrics:
            table.add_row(label, f'{metrics[key]:.4g}')
    rows = per_class(task, job, cfg.classes, metrics)
    if 0 < len(rows) <= _SHOWN_CLASSES:
        table.add_section()
        for name, text in rows.items():
            table.add_row(escape(name), text)
    return table


def per_class(task: str, job: Job, classes: List[str], metrics: Dict[str, float]) -> Dict[str, str]:
    """Accuracy or average precision of each class, as text."""
    if task == 'detection':
        found = {name: metrics.get(f'coco/{name}_precision') for name in classes}
        return {name: f'AP {value:.3f}' for name, value in found.items() if value is not None}
    if task == 'action_detection':
        return {}
    total, right = Counter(), Counter()
    for row in mmengine.load(job.predictions):
        label = int(row['gt_label'])
        total[label] += 1
        right[label] += int(row['pred_label']) == label
    return {
        classes[label]: f'{100 * right[label] / total[label]:.1f} % of {total[label]}'
        for label in sorted(total)
    }


def report(job: Job) -> List[str]:
    """Write a report of training and test, and a sheet of predictions; their paths."""
    done = write_report(job.out, job.out / 'report.html', sheet=job.out / 'predictions.png')
    return [path for path in (done['out'], done['sheet']) if path]


def predict_line(job: Job, cfg: Config) -> str:
    """What to type to use the model, on a file of the test set."""
    row = mmengine.load(job.predictions)[0]
    name = row.get('img_path') or row.get('filename') or row.get('video_id')
    sample = os.path.relpath(os.path.join(cfg.test_dataloader.dataset.data_root, name))
    model = os.path.relpath(job.out / 'models' / 'best')
    return f'python -m mvitv2_mm predict {shlex.quote(model)} {shlex.quote(sample)}'
