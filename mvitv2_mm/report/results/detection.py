"""What the detections of a test are worth."""
from functools import cached_property
from typing import Dict, List, NamedTuple, Optional

import numpy as np

from .base import THRESHOLDS, Counts, mean_of_known
from .coco import Annotations, in_order
from .matching import IOUS, SIZES, Curve, Ranked, outside, rank
from .tide import KINDS, RIGHT, Errors, costs, find_errors

SHOWN_SCORE = 0.5  # of detections that a picture is judged by


class Judged(NamedTuple):
    """What is right and wrong in each picture, of detections with a score of ``SHOWN_SCORE``.

    Attributes:
        right (np.ndarray): Number of objects that are found.
        wrong (np.ndarray): Number of detections that find none.
        missed (np.ndarray): Number of objects that are not found.
    """
    right: np.ndarray
    wrong: np.ndarray
    missed: np.ndarray


class DetectionResult:
    """Boxes or masks against the objects of a COCO file.

    Args:
        samples (list[dict]): The dump.
        truth (Annotations): The file.
        kind (str): 'bbox' or 'segm'.
    """
    unit = 'picture'
    rule = 'Right: every object is found and nothing else, at a score of 0.5 and an IoU of 0.5.'

    def __init__(self, samples: List[dict], truth: Annotations, kind: str) -> None:
        self.kind = kind
        self.samples, ids = in_order(samples)
        truth.check_pictures(self.samples)
        self._truth, self.classes = truth, truth.classes
        found = [truth.found(sample, kind) for sample in self.samples]
        if any(len(one.labels) and one.labels.max() >= len(truth.classes) for one in found):
            raise ValueError(f'the dump has more classes than the {len(truth.classes)} that '
                             f'{truth.path} and the config name: give the config that was tested '
                             'with --config')
        self.ranked: Ranked = rank(found, [truth.of(key, kind) for key in ids])
        self.sources = np.concatenate([one.sources for one in found])
        self._boxes = np.concatenate([truth.boxes_of(key) for key in ids])
        self.keys = [str(key) for key in ids]

    @cached_property
    def errors(self) -> Errors:
        """What is wrong with each detection."""
        return find_errors(self.ranked)

    @cached_property
    def costs(self) -> Dict[str, float]:
        """See :func:`tide.costs`."""
        return costs(self.ranked, self.errors)

    @cached_property
    def table(self) -> np.ndarray:
        """AP (2, classes, sizes, thresholds), see ``Annotations.most``; NaN where nothing is."""
        r = self.ranked
        values = np.full((2, len(self.classes), len(SIZES), len(IOUS)), np.nan)
        for label, (rows, objects) in enumerate(self._of_label):
            positives = (~self._outside[objects]).sum(0)
            of_few, of_many = (rows[r.rank[rows] < most] for most in self._truth.most)
            for size in range(len(SIZES)):
                few = self._curve(of_few, size).average_precision(positives[size])
                values[:, label, size] = few
                if len(of_many) > len(of_few):
                    many = self._curve(of_many, size).average_precision(positives[size])
                    values[1, label, size] = many
        return values

    def _curve(self, rows: np.ndarray, size: int) -> Curve:
        r = self.ranked
        return Curve(r.score[rows], r.hit[rows, size], ~r.ignored[rows, size])

    @cached_property
    def _curves(self) -> List[tuple]:
        """Of each class its curve, and the pictures of its detections and of its objects."""
        r, found = self.ranked, []
        for rows, objects in self._of_label:
            rows = rows[r.rank[rows] < self._truth.most[0]]
            objects = objects[~self._outside[objects, 0]]
            found.append((self._curve(rows, 0), r.image[rows], r.truth_image[objects]))
        return found

    @cached_property
    def _of_label(self) -> List[tuple]:
        """Detections and objects of each class."""
        r = self.ranked
        return [(np.flatnonzero(r.label == label), np.flatnonzero(r.truth_label == label))
                for label in range(len(self.classes))]

    @cached_property
    def _outside(self) -> np.ndarray:
        return outside(self.ranked.truth_area)

    @property
    def metrics(self) -> Dict[str, float]:
        """All values of the metric of the test, under its names."""
        return self._truth.metrics(self.kind, self.table)

    def score(self, weights: Optional[np.ndarray] = None) -> float:
        """Mean AP, in which pictures count as often as ``weights`` says."""
        if weights is None:
            return mean_of_known(self.table[0, :, 0])
        return mean_of_known(
            np.array([
                curve.average_precision(weights[of_objects].sum(), weights[of_detections])
                for curve, of_detections, of_objects in self._curves
            ]))

    def box_of(self, index: int) -> np.ndarray:
        """Box of an annotated object: left, top, right, bottom."""
        x, y, width, height = self._boxes[index]
        return np.array([x, y, x + width, y + height])

    @property
    def num_samples(self) -> int:
        return len(self.samples)

    @cached_property
    def judged(self) -> Judged:
        """Every picture, judged as a person would who looks at it."""
        r, count = self.ranked, len(self.samples)
        seen = (r.score >= SHOWN_SCORE) & ~r.ignored[:, 0, 0]
        right = np.bincount(r.image[seen & r.hit[:, 0, 0]], minlength=count)
        wrong = np.bincount(r.image[seen & ~r.hit[:, 0, 0]], minlength=count)
        return Judged(right, wrong, np.bincount(r.truth_image, minlength=count) - right)

    @property
    def correct(self) -> np.ndarray:
        """Whether everything in a picture is found and nothing else."""
        return (self.judged.wrong == 0) & (self.judged.missed == 0)

    @cached_property
    def counts(self) -> Counts:
        """Confusions, right and wrong detections at every threshold, at an IoU of 0.5."""
        r, classes, steps = self.ranked, len(self.classes), len(THRESHOLDS)
        right = self.errors.kind == RIGHT
        confused = self.errors.kind == KINDS.index('classification')
        hit_score = _best(len(r.truth_label), r.truth[right], r.score[right])
        other_score = _best(len(r.truth_label), self.errors.touched[confused], r.score[confused])
        leader = _leaders(len(r.truth_label), self.errors.touched, confused, r.score)
        counts = Counts.empty(classes, steps, np.bincount(r.truth_label, minlength=classes))
        for step, threshold in enumerate(THRESHOLDS):
            found = hit_score >= threshold
            mixed = ~found & (other_score >= threshold)
            shown = (r.score >= threshold) & (self.errors.kind >= RIGHT)
            counts.add(step, r.truth_label[found], r.truth_label[found])
            counts.add(step, r.truth_label[mixed], r.label[leader[mixed]])
            lost = r.truth_label[~found & ~mixed]
            counts.add(step, lost, np.full(len(lost), classes))
            extra = shown & ~right
            extra[leader[mixed]] = False
            counts.add(step, np.full(extra.sum(), classes), r.label[extra])
            counts.right[:, step] = np.bincount(r.label[shown & right], minlength=classes)
            counts.wrong[:, step] = np.bincount(r.label[shown & ~right], minlength=classes)
        return counts


def _best(count: int, places: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Largest score at each place, -1 where there is none."""
    best = np.full(count, -1.)
    np.maximum.at(best, places, scores)
    return best


def _leaders(count: int, touched: np.ndarray, wanted: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The best of the detections that touch each object."""
    leader = np.full(count, -1)
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(score[rows], kind='stable')]
    leader[touched[rows]] = rows  # of several the last, and best, one stays
    return leader
