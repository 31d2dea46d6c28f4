"""Pictures at the end of a training: its course, and right and wrong predictions."""
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image, ImageOps
from pycocotools import mask as coco_mask
from torchvision.ops import box_iou

from ..datasets import UnreadableClipError, VideoFile

_RIGHT, _WRONG, _MISSED = '#1a7f37', '#cf222e', '#9a6700'
_MIN_SCORE = 0.5
_MIN_IOU = 0.5


class Predicted(NamedTuple):
    """What a test found.

    Attributes:
        predictions (list[dict]): Of each sample, as ``tools/test.py --dump`` saves them.
        classes (Sequence[str]): Names of the classes.
        data_root (str): Where the samples are.
        ann_file (str): Annotations of the test.
    """
    predictions: List[dict]
    classes: Sequence[str]
    data_root: str
    ann_file: str


def read_curves(work_dir: Path, key: str) -> Tuple[List[tuple], List[tuple]]:
    """(step, loss) of training and (epoch, ``key``) of validation, resumed runs included."""
    losses: Dict[int, float] = {}
    scores: Dict[int, float] = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if 'loss' in row:
                losses[row['step']] = row['loss']
            elif key in row:
                scores[row['step']] = row[key]
    return sorted(losses.items()), sorted(scores.items())


def draw_curves(work_dir: Path, key: str, path: Path) -> None:
    """Draw the training loss and a metric of the validation."""
    figure, axes = _figure(1, 2, (9, 3.5))
    for axis, points, style in zip(axes.flat, read_curves(work_dir, key), ('-', 'o-')):
        axis.plot(*zip(*points), style) if points else axis.text(0.3, 0.5, 'no log')
        axis.grid(alpha=0.3)
    axes[0, 0].set(xlabel='iteration', ylabel='training loss')
    axes[0, 1].set(xlabel='epoch', ylabel=key)
    _save(figure, path)


def draw_predictions(task: str, tested: Predicted, path: Path) -> None:
    """Draw a sheet of right (green) and wrong (red) predictions."""
    figure = dict(image=_draw_images, detection=_draw_scenes, video=_draw_clips)[task](tested)
    _save(figure, path)


def _figure(rows: int, columns: int, size: Tuple[float, float], **axes) -> tuple:
    plt.switch_backend('Agg')  # no screen is needed
    figure = plt.figure(figsize=size, constrained_layout=True)
    return figure, figure.subplots(rows, columns, squeeze=False, subplot_kw=axes)


def _sheet(rows: int, columns: int, size: float) -> Tuple[plt.Figure, np.ndarray]:
    return _figure(rows, columns, (size * columns, size * rows), xticks=[], yticks=[])


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _spread(rows: List[dict], count: int) -> List[dict]:
    """``count`` rows, spread evenly; all if there are fewer."""
    places = np.linspace(0, len(rows) - 1, min(count, len(rows)))
    return [rows[i] for i in places.astype(int)]


def choose(rows: List[dict], count: int) -> List[dict]:
    """Predictions of classes to show: up to a half of them wrong, the others right."""
    wrong = [row for row in rows if int(row['pred_label']) != int(row['gt_label'])]
    right = [row for row in rows if int(row['pred_label']) == int(row['gt_label'])]
    shown = _spread(wrong, max(count // 2, count - len(right)))
    return shown + _spread(right, count - len(shown))


def _title(axis: Axes, row: dict, classes: Sequence[str], place: str = 'center') -> None:
    predicted, truth = (classes[int(row[key])] for key in ('pred_label', 'gt_label'))
    is_right = predicted == truth
    text = predicted if is_right else f'{predicted}, not {truth}'
    axis.set_title(text, fontsize=9, loc=place, color=_RIGHT if is_right else _WRONG)


def _read(path: str) -> Image.Image:
    """A picture, upright."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert('RGB')


def _draw_images(tested: Predicted) -> plt.Figure:
    figure, axes = _sheet(4, 8, 1.4)
    for axis, row in zip(axes.flat, choose(tested.predictions, axes.size)):
        axis.imshow(_read(row['img_path']))
        _title(axis, row, tested.classes)
    return figure


def _draw_clips(tested: Predicted) -> plt.Figure:
    """Frames of clips, one clip per row."""
    figure, axes = _sheet(8, 8, 1.2)
    for clip_axes, row in zip(axes, choose(tested.predictions, len(axes))):
        path = row.get('filename') or os.path.join(tested.data_root, row['video_id'])
        _title(clip_axes[0], row, tested.classes, 'left')
        try:
            video = VideoFile(path)
            indices = np.linspace(0, video.num_frames - 1, len(clip_axes)).astype(int)
            for axis, frame in zip(clip_axes, video.read(indices)):
                axis.imshow(frame)
        except UnreadableClipError as error:
            clip_axes[1].text(0, 0.5, str(error)[:80], fontsize=7)
    return figure


def _draw_scenes(tested: Predicted) -> plt.Figure:
    """Pictures with boxes: right, wrong, and missed ones."""
    figure, axes = _sheet(2, 4, 3)
    truths = read_truth(tested.ann_file)
    for axis, row in zip(axes.flat, _spread(tested.predictions, axes.size)):
        image = np.asarray(_read(row['img_path']), np.float32) / 255
        found = row['pred_instances']
        keep = found['scores'] >= _MIN_SCORE
        boxes, labels, scores = (found[key][keep] for key in ('bboxes', 'labels', 'scores'))
        right, missed = compare(boxes, labels, *truths[int(row['img_id'])])
        if 'masks' in found:
            masks = [mask for mask, shown in zip(found['masks'], keep) if shown]
            image = _with_masks(image, masks, right)
        for box, label, score, is_right in zip(boxes, labels, scores, right):
            _box(axis, box, f'{tested.classes[int(label)]} {score:.2f}',
                 _RIGHT if is_right else _WRONG)
        for box, label in missed:
            _box(axis, box, tested.classes[int(label)], _MISSED, linestyle=':')
        axis.imshow(image.clip(0, 1))
    figure.suptitle('green: right, red: wrong, dotted: missed', fontsize=9)
    return figure


def _with_masks(image: np.ndarray, masks: List[dict], right: Sequence[bool]) -> np.ndarray:
    for mask, is_right in zip(masks, right):
        inside = coco_mask.decode(mask).astype(bool)
        colour = np.array(plt.matplotlib.colors.to_rgb(_RIGHT if is_right else _WRONG))
        image[inside] = 0.6 * image[inside] + 0.4 * colour
    return image


def _box(axis: Axes, box: Sequence[float], text: str, colour: str, **style) -> None:
    """A box with its text: above it if it is right, below it otherwise."""
    left, top, right, bottom = map(float, box)
    axis.add_patch(
        Rectangle((left, top), right - left, bottom - top, fill=False, color=colour, **style))
    above = colour == _RIGHT
    axis.text(
        left,
        top if above else bottom,
        text,
        color='white',
        fontsize=7,
        va='bottom' if above else 'top',
        bbox=dict(facecolor=colour, edgecolor='none', pad=1))


def read_truth(ann_file: str) -> Dict[int, Tuple[torch.Tensor, torch.Tensor]]:
    """Boxes (n, 4) as x1, y1, x2, y2 and labels (n, ) of each picture of a COCO file."""
    with open(ann_file, encoding='utf-8') as file:
        content = json.load(file)
    labels = {category['id']: i for i, category in enumerate(content['categories'])}
    rows: Dict[int, List[list]] = defaultdict(list)
    for obj in content['annotations']:
        x, y, width, height = obj['bbox']
        rows[obj['image_id']].append([x, y, x + width, y + height, labels[obj['category_id']]])
    tables = {image['id']: torch.tensor(rows[image['id']]) for image in content['images']}
    tables = {key: table.reshape(-1, 5) for key, table in tables.items()}
    return {key: (table[:, :4], table[:, 4].long()) for key, table in tables.items()}


def compare(boxes: torch.Tensor, labels: torch.Tensor, true_boxes: torch.Tensor,
            true_labels: torch.Tensor) -> Tuple[List[bool], List[tuple]]:
    """Which boxes, the best first, find an object of their class, and what is not found.

    Args:
        boxes (Tensor): Detected boxes (n, 4).
        labels (Tensor): Their classes (n, ).
        true_boxes (Tensor): Annotated boxes (m, 4).
        true_labels (Tensor): Their classes (m, ).

    Returns:
        tuple: For each detected box whether it is right, and box and class of the others.
    """
    overlaps = box_iou(boxes.float(), true_boxes.float())
    overlaps[labels[:, None] != true_labels[None]] = 0
    right, taken = [], set()
    for row in overlaps:
        free = [i for i in range(len(row)) if row[i] >= _MIN_IOU and i not in taken]
        right.append(bool(free))
        taken.update(sorted(free, key=lambda i: -row[i])[:1])
    missed = [pair for i, pair in enumerate(zip(true_boxes, true_labels)) if i not in taken]
    return right, missed
