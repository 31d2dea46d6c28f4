"""What the predictions of a test are worth, where each picture or clip has one class."""
from functools import cached_property
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch

from ..dump import file_of, stack
from .base import THRESHOLDS, Counts

NUM_BINS = 15


class SingleLabelResult:
    """Scores of all classes against one true class.

    Args:
        samples (list[dict]): The dump.
        classes (Sequence[str], optional): Names of the classes. Defaults to None: numbers.
        task (str): 'image' or 'video'. Defaults to 'image'.

    Raises:
        ValueError: If the samples have no true class, or not all the same classes.
    """
    rule = 'Right: the true class has the highest score.'

    def __init__(self,
                 samples: List[dict],
                 classes: Optional[Sequence[str]] = None,
                 task: str = 'image') -> None:
        self.samples = samples
        self.unit = 'clip' if task == 'video' else 'picture'
        self.is_clip = task == 'video'
        self.scores = stack(samples, 'pred_score')
        self.truth = stack(samples, 'gt_label').reshape(len(samples), -1)[:, 0].astype(int)
        count = self.scores.shape[1]
        self.classes = tuple(classes or map(str, range(count)))
        if len(self.classes) != count or self.truth.max() >= count or self.truth.min() < 0:
            raise ValueError(f'the dump has scores of {count} classes and labels from '
                             f'{self.truth.min()} to {self.truth.max()}, but {len(self.classes)} '
                             'class names are known: give the config that was tested with --config')
        if not np.isfinite(self.scores).all():
            raise ValueError(
                'the dump has scores that are no finite numbers: the network is broken')
        self.keys = [file_of(sample) for sample in samples]
        self.predicted = self._top(1)[:, 0]
        self.confidence = self.scores[np.arange(len(samples)), self.predicted]
        self.correct = self.predicted == self.truth

    def _top(self, count: int) -> np.ndarray:
        """The best classes; equal scores are ranked as the host library of the task does."""
        if self.is_clip:
            return np.argsort(self.scores, axis=1)[:, -count:][:, ::-1]
        return torch.from_numpy(self.scores).topk(min(count, self.scores.shape[1])).indices.numpy()

    @property
    def num_samples(self) -> int:
        return len(self.samples)

    @cached_property
    def metrics(self) -> Dict[str, float]:
        """Metrics under the names of the host library, in its units."""
        top5 = (self._top(5) == self.truth[:, None]).any(1).mean()
        top1, mean = self.correct.mean(), self._mean_of_classes()
        if self.is_clip:
            return {'acc/top1': top1, 'acc/top5': top5, 'acc/mean1': mean}
        precision, recall, f1 = (np.nan_to_num(part[:, 0]) for part in self.counts.rates())
        return {
            'accuracy/top1': 100 * top1,
            'accuracy/top5': 100 * top5,
            'single-label/precision': 100 * precision.mean(),
            'single-label/recall': 100 * recall.mean(),
            'single-label/f1-score': 100 * f1.mean()
        }

    def _mean_of_classes(self) -> float:
        """Mean accuracy of the classes that occur in labels or predictions, as in mmaction2."""
        present = np.unique(np.concatenate([self.truth, self.predicted]))
        recall = np.nan_to_num(self.counts.rates()[1][:, 0])
        return float(recall[present].mean())

    def score(self, weights: Optional[np.ndarray] = None) -> float:
        """Top-1 accuracy in [0, 1], in which samples count as often as ``weights`` says."""
        return float(np.average(self.correct, weights=weights))

    @cached_property
    def counts(self) -> Counts:
        """Confusions at every threshold, below which a prediction does not count."""
        number = len(self.classes)
        counts = Counts.empty(number, len(THRESHOLDS), np.bincount(self.truth, minlength=number))
        for step, threshold in enumerate(THRESHOLDS):
            shown = self.confidence >= threshold
            counts.add(step, self.truth, np.where(shown, self.predicted, number))
            counts.right[:, step] = np.bincount(
                self.predicted[shown & self.correct], minlength=number)
            counts.wrong[:, step] = np.bincount(
                self.predicted[shown & ~self.correct], minlength=number)
        return counts

    @cached_property
    def calibration(self) -> 'Calibration':
        return Calibration(self.confidence, self.correct)

    def mislabelled(self) -> List[Tuple[int, int]]:
        """Samples whose label is probably wrong, and the class that the model finds instead.

        Confident learning (Northcutt et al., 2021): the score of another class reaches what samples
        of that class have on average. The least likely labels come first.
        """
        usual = np.full(len(self.classes), np.inf)
        for label in np.unique(self.truth):
            usual[label] = self.scores[self.truth == label, label].mean()
        rows = np.arange(len(self.truth))
        able = np.where(self.scores >= usual, self.scores, -1.)
        best = able.argmax(1)
        own = self.scores[rows, self.truth]
        doubtful = np.flatnonzero((able[rows, best] > own) & (best != self.truth))
        order = doubtful[np.argsort(own[doubtful] - able[doubtful, best[doubtful]], kind='stable')]
        return [(int(i), int(best[i])) for i in order]


class Calibration:
    """Whether predictions with a confidence of 0.8 are right in 80 % of all cases.

    Args:
        confidence (np.ndarray): Scores of the predicted classes (n, ).
        correct (np.ndarray): Whether the predictions are right (n, ).

    Attributes:
        counts (np.ndarray): Samples in each of 15 equal ranges of confidence.
        confidence (np.ndarray): Mean confidence in each range; NaN where no sample is.
        accuracy (np.ndarray): Share of right predictions in each range; NaN where no sample is.
        error (float): Expected calibration error: the mean distance of both, by samples.
    """

    def __init__(self, confidence: np.ndarray, correct: np.ndarray) -> None:
        places = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
        self.counts = np.bincount(places, minlength=NUM_BINS)
        with np.errstate(invalid='ignore'):
            self.confidence = np.bincount(places, confidence, NUM_BINS) / self.counts
            self.accuracy = np.bincount(places, correct, NUM_BINS) / self.counts
        gaps = np.nan_to_num(np.abs(self.confidence - self.accuracy))
        self.error = float(np.average(gaps, weights=self.counts))
