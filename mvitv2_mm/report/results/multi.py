"""What the predictions of a test are worth, where a clip has several classes."""
from functools import cached_property
from typing import Dict, List, Optional, Sequence

import numpy as np

from ..dump import file_of, stack
from .base import THRESHOLDS, Counts, mean_of_known


class MultiLabelResult:
    """Scores of all classes against truth values of all classes.

    Args:
        samples (list[dict]): The dump.
        classes (Sequence[str], optional): Names of the classes. Defaults to None: numbers.
    """
    unit = 'clip'
    rule = 'Right: exactly the true classes have a score of 0.5 or more.'

    def __init__(self, samples: List[dict], classes: Optional[Sequence[str]] = None) -> None:
        self.samples = samples
        self.scores = stack(samples, 'pred_score').astype(float)
        self.truth = stack(samples, 'gt_label').astype(bool)
        if self.truth.shape != self.scores.shape:
            raise ValueError(
                f'the dump has scores of {self.scores.shape[1]} classes, but labels of '
                f'{self.truth.shape[1]}')
        self.classes = tuple(classes or map(str, range(self.scores.shape[1])))
        self.keys = [file_of(sample) for sample in samples]

    @property
    def num_samples(self) -> int:
        return len(self.samples)

    @cached_property
    def table(self) -> np.ndarray:
        """Average precision of each class; NaN where no clip has it."""
        return self._table(np.ones(len(self.samples)))

    def _table(self, weights: np.ndarray) -> np.ndarray:
        return np.array([
            ranked_precision(score, truth, weights)
            for score, truth in zip(self.scores.T, self.truth.T)
        ])

    @property
    def metrics(self) -> Dict[str, float]:
        """Metrics under the names of mmaction2."""
        of_clips = [
            ranked_precision(score, truth, np.ones(len(score)))
            for score, truth in zip(self.scores, self.truth)
        ]
        return {
            'acc/mean_average_precision': mean_of_known(self.table),
            'acc/mmit_mean_average_precision': float(np.mean(of_clips))
        }

    def score(self, weights: Optional[np.ndarray] = None) -> float:
        """Mean average precision, in which clips count as often as ``weights`` says."""
        return mean_of_known(self.table if weights is None else self._table(weights))

    @property
    def correct(self) -> np.ndarray:
        """Whether exactly the true classes have a score of 0.5."""
        return ((self.scores >= 0.5) == self.truth).all(1)

    @cached_property
    def counts(self) -> Counts:
        """Right and wrong predictions at every threshold; a matrix of confusions has no meaning."""
        counts = Counts.empty(len(self.classes), len(THRESHOLDS), self.truth.sum(0))
        for step, threshold in enumerate(THRESHOLDS):
            shown = self.scores >= threshold
            counts.right[:, step] = (shown & self.truth).sum(0)
            counts.wrong[:, step] = (shown & ~self.truth).sum(0)
        return counts


def ranked_precision(score: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    """Area under the steps of the precision-recall curve; NaN if nothing is true."""
    total = weights[truth].sum()
    if not total:
        return np.nan
    order = np.argsort(-score, kind='stable')
    score, right = score[order], (truth * weights)[order]
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True))  # of equal scores
    found, shown = np.cumsum(right)[last], np.cumsum(weights[order])[last]
    steps = np.diff(found, prepend=0)
    return float((steps[shown > 0] * found[shown > 0] / shown[shown > 0]).sum() / total)
