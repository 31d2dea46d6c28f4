"""What all tasks have in common."""
from dataclasses import dataclass
from typing import Dict, Tuple

import numpy as np

THRESHOLDS = np.arange(20) / 20


@dataclass
class Counts:
    """Right and wrong predictions at every one of ``THRESHOLDS``.

    Args:
        positives (np.ndarray): Samples or objects of each class (classes, ).
        right (np.ndarray): Predictions of each class that are right (classes, thresholds).
        wrong (np.ndarray): Predictions of each class that are wrong (classes, thresholds).
        matrix (list[dict]): For each threshold how often (class, prediction) occurs; the number of
            classes stands for no prediction, or for no object.
    """
    positives: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    matrix: Tuple[Dict[Tuple[int, int], int], ...]

    @classmethod
    def empty(cls, classes: int, steps: int, positives: np.ndarray) -> 'Counts':
        zeros = np.zeros((classes, steps), int)
        return cls(positives, zeros, zeros.copy(), tuple({} for _ in range(steps)))

    def add(self, step: int, truths: np.ndarray, predictions: np.ndarray) -> None:
        """Count pairs of a class and a prediction."""
        pairs, counts = np.unique(np.stack([truths, predictions], 1), axis=0, return_counts=True)
        for (truth, prediction), count in zip(pairs.tolist(), counts.tolist()):
            cell = truth, prediction
            self.matrix[step][cell] = self.matrix[step].get(cell, 0) + count

    def rates(self) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Precision, recall and F1 (classes, thresholds); NaN where nothing is there to count."""
        with np.errstate(divide='ignore', invalid='ignore'):
            precision = self.right / (self.right + self.wrong)
            recall = self.right / self.positives[:, None]
            f1 = 2 * self.right / (self.right + self.wrong + self.positives[:, None])
        return precision, recall, f1


def mean_of_known(values: np.ndarray) -> float:
    """Mean of those that are no NaN; NaN without any."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else np.nan
