"""What the actions that a test finds in key frames are worth (AVA)."""
from functools import cached_property
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch

from ...evaluation.mmaction.ava_metric import AVAMetric, average_precision
from .base import THRESHOLDS, Counts, mean_of_known

SHOWN_SCORE = 0.5  # of actions that a key frame is judged by


class ActionResult:
    """Boxes with scores of all actions against annotated people.

    Args:
        samples (list[dict]): The dump.
        metric (AVAMetric): The metric that the test used, which has the annotations.
        classes (Sequence[str], optional): Names of the actions, without the background. Defaults to
            None: numbers.
    """
    unit = 'key frame'
    rule = 'Right: exactly the annotated actions are found, at a score of 0.5 and an IoU of 0.5.'

    def __init__(self,
                 samples: List[dict],
                 metric: AVAMetric,
                 classes: Optional[Sequence[str]] = None) -> None:
        self.samples = samples
        metric.results = []
        metric.process({}, [_tensors(sample) for sample in samples])
        self.ranked = metric.rank(metric.results)
        if not self.ranked.annotated.any():
            raise ValueError(
                f'{metric.ann_file} has no actions in the key frames of the dump: give '
                'the config that was tested with --config')
        self._metric = metric
        names = classes or ()
        self.classes = tuple(names[a - 1] if a <= len(names) else str(a)
                             for a in self.ranked.actions)
        self.keys = [f'{s["video_id"]}, second {s["timestamp"]}' for s in samples]

    @property
    def num_samples(self) -> int:
        return len(self.samples)

    @cached_property
    def table(self) -> np.ndarray:
        """Average precision of each action at an IoU of 0.5; NaN where nobody does it."""
        return self.ranked.average_precisions()

    @property
    def metrics(self) -> Dict[str, float]:
        """Means over actions, under the names of the metric."""
        return {f'mAP/{name}': value for name, value in self._metric.means(self.ranked).items()}

    def score(self, weights: Optional[np.ndarray] = None) -> float:
        """Mean average precision, in which key frames count as often as ``weights`` says."""
        if weights is None:
            return mean_of_known(self.table)
        r = self.ranked
        times = weights[r.frame].astype(int)
        rows = np.repeat(np.arange(len(times)), times)
        positives = (weights[:, None] * r.annotated).sum(0) + r.elsewhere
        return mean_of_known(
            np.array([
                average_precision(scores[rows], hits[rows], number)
                for scores, hits, number in zip(r.scores.T, r.hits.T, positives)
            ]))

    @cached_property
    def judged(self) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers of right, wrong and missed actions of each key frame."""
        r, count = self.ranked, len(self.samples)
        shown = r.scores >= SHOWN_SCORE
        right = np.bincount(r.frame, (shown & r.hits).sum(1), count).astype(int)
        wrong = np.bincount(r.frame, (shown & ~r.hits).sum(1), count).astype(int)
        return right, wrong, r.annotated.sum(1) - right

    @property
    def correct(self) -> np.ndarray:
        """Whether in a key frame exactly the annotated actions have a score of 0.5."""
        return (self.judged[1] == 0) & (self.judged[2] == 0)

    @cached_property
    def counts(self) -> Counts:
        """Right and wrong actions at every threshold, at an IoU of 0.5."""
        r = self.ranked
        positives = (r.annotated.sum(0) + r.elsewhere).astype(int)
        counts = Counts.empty(len(self.classes), len(THRESHOLDS), positives)
        for step, threshold in enumerate(THRESHOLDS):
            shown = r.scores >= threshold
            counts.right[:, step] = (shown & r.hits).sum(0)
            counts.wrong[:, step] = (shown & ~r.hits).sum(0)
        return counts


def _tensors(sample: dict) -> dict:
    found = sample['pred_instances']
    return dict(
        video_id=sample['video_id'],
        timestamp=sample['timestamp'],
        pred_instances={key: torch.as_tensor(found[key])
                        for key in ('bboxes', 'scores')})
