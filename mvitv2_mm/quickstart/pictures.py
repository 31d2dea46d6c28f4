"""Pictures to look at: training curves and predictions of every task."""
import json
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import matplotlib.pyplot as plt
import mmcv
import mmengine
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from pycocotools import mask as coco_mask

from ..datasets import VideoFile
from .clips import DIRECTIONS
from .digits import CLASSES
from .job import Outcome

_RIGHT, _WRONG = '#1a7f37', '#cf222e'
_MIN_SCORE = 0.5


def draw_all(outcomes: List[Outcome], folder: Path) -> List[Path]:
    """Draw the curves and a sheet of predictions of every task into ``folder``."""
    plt.switch_backend('Agg')  # no screen is needed
    paths = []
    for outcome in outcomes:
        name = outcome.task.name
        paths.append(_save(draw_curves(outcome), folder / f'{name}_curves.png'))
        paths.append(_save(SHEETS[name](outcome), folder / f'{name}_predictions.png'))
    return paths


def _save(figure: plt.Figure, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


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


def draw_curves(outcome: Outcome) -> plt.Figure:
    """Training loss and the first validation metric of a task."""
    target = outcome.task.targets[0]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), constrained_layout=True)
    for axis, points, style in zip(axes, read_curves(outcome.work_dir, target.key), ('-', 'o-')):
        axis.plot(*zip(*points), style) if points else axis.text(0.3, 0.5, 'no log')
        axis.grid(alpha=0.3)
    axes[0].set(title=outcome.task.name, xlabel='iteration', ylabel='training loss')
    axes[1].set(xlabel='epoch', ylabel=target.label)
    axes[1].axhline(target.bound, color='grey', linestyle=':')
    return figure


def _predictions(outcome: Outcome, count: int) -> List[dict]:
    """``count`` predictions, spread evenly over the test set."""
    predictions = mmengine.load(outcome.work_dir / 'test_predictions.pkl')
    return [predictions[i] for i in np.linspace(0, len(predictions) - 1, count).astype(int)]


def _sheet(rows: int, columns: int, size: float) -> Tuple[plt.Figure, np.ndarray]:
    figure = plt.figure(figsize=(size * columns, size * rows), constrained_layout=True)
    bare = dict(xticks=[], yticks=[])
    return figure, figure.subplots(rows, columns, squeeze=False, subplot_kw=bare)


def _title(axis: Axes, predicted: str, truth: str) -> None:
    text = predicted if predicted == truth else f'{predicted}, not {truth}'
    axis.set_title(text, fontsize=9, color=_RIGHT if predicted == truth else _WRONG)


def draw_images(outcome: Outcome) -> plt.Figure:
    """Test images with the predicted digit."""
    figure, axes = _sheet(4, 8, 1.4)
    for axis, row in zip(axes.flat, _predictions(outcome, axes.size)):
        axis.imshow(mmcv.imread(row['img_path'], channel_order='rgb'))
        _title(axis, CLASSES[int(row['pred_label'])], CLASSES[int(row['gt_label'])])
    return figure


def draw_scenes(outcome: Outcome) -> plt.Figure:
    """Test scenes with predicted boxes, masks and labels."""
    figure, axes = _sheet(2, 4, 3)
    colours = plt.get_cmap('tab10').colors
    for axis, row in zip(axes.flat, _predictions(outcome, axes.size)):
        image = mmcv.imread(row['img_path'], channel_order='rgb').astype(np.float32) / 255
        found = row['pred_instances']
        for box, mask, label, score in zip(found['bboxes'], found['masks'], found['labels'],
                                           found['scores']):
            if score < _MIN_SCORE:
                continue
            colour, (left, top, right, bottom) = colours[int(label)], map(float, box)
            inside = coco_mask.decode(mask).astype(bool)
            image[inside] = 0.5 * image[inside] + 0.5 * np.array(colour)
            axis.add_patch(
                Rectangle((left, top), right - left, bottom - top, fill=False, color=colour))
            axis.text(left, top - 2, f'{CLASSES[int(label)]} {score:.2f}', color=colour, fontsize=8)
        axis.imshow(image.clip(0, 1))
    return figure


def draw_clips(outcome: Outcome) -> plt.Figure:
    """Frames of test clips, one clip per row, with the predicted motion."""
    figure, axes = _sheet(8, 8, 1.2)
    for clip_axes, row in zip(axes, _predictions(outcome, len(axes))):
        video = VideoFile(row['filename'])
        indices = np.linspace(0, video.num_frames - 1, len(clip_axes)).astype(int)
        for axis, frame in zip(clip_axes, video.read(indices)):
            axis.imshow(frame)
        predicted = DIRECTIONS[int(row['pred_label'])]
        _title(clip_axes[0], predicted, DIRECTIONS[int(row['gt_label'])])
    return figure


SHEETS: Dict[str, Callable[[Outcome], plt.Figure]] = {
    'image': draw_images,
    'detection': draw_scenes,
    'video': draw_clips,
}
