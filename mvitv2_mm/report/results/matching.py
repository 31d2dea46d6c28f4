"""Which detections find an object: the rules of COCO, for all thresholds and sizes at once."""
from dataclasses import dataclass
from typing import List, NamedTuple, Optional

import numpy as np
from pycocotools import mask as coco_mask

IOUS = np.linspace(.5, .95, 10)
RECALLS = np.linspace(0, 1, 101)
SIZES = ('all', 'small', 'medium', 'large')
_AREAS = np.array([(0, 1e10), (0, 32**2), (32**2, 96**2), (96**2, 1e10)])


class Things(NamedTuple):
    """Detections, or annotated objects, of one picture.

    Attributes:
        labels (np.ndarray): Their classes (n, ).
        shapes (np.ndarray | list[dict]): Boxes (n, 4) as x, y, width, height, or run-length codes.
        areas (np.ndarray): Pixels (n, ).
        scores (np.ndarray): Of detections (n, ), falling; of objects zeros.
        sources (np.ndarray): Index of each in the dump, or in the annotations of the picture (n, ).
        crowd (np.ndarray): Whether it is a crowd (n, ), in which any number may be found.
        partly (np.ndarray): Classes (k, ) of which not all objects are annotated: detections that
            find none do not count. Defaults to none.
    """
    labels: np.ndarray
    shapes: object
    areas: np.ndarray
    scores: np.ndarray
    sources: np.ndarray
    crowd: np.ndarray
    partly: np.ndarray = np.zeros(0, int)


@dataclass
class Ranked:
    """All detections of all pictures against the objects there.

    Args:
        image (np.ndarray): Index of the picture of each detection (n, ).
        label (np.ndarray): Class (n, ).
        score (np.ndarray): Score (n, ).
        rank (np.ndarray): Place among the detections of its class in its picture (n, ).
        hit (np.ndarray): Whether an object is found, (n, sizes, thresholds).
        ignored (np.ndarray): Whether it does not count, (n, sizes, thresholds).
        truth (np.ndarray): Index of the object that is found at the first threshold, else -1.
        near (np.ndarray): Overlap with the nearest object of its class (n, ).
        near_truth (np.ndarray): Index of that object, else -1.
        other (np.ndarray): Overlap with the nearest object of another class (n, ).
        other_truth (np.ndarray): Index of that object, else -1.
        area (np.ndarray): Pixels (n, ).
        truth_image (np.ndarray): Picture of each object that counts (m, ).
        truth_label (np.ndarray): Its class (m, ).
        truth_area (np.ndarray): Its pixels (m, ).
    """
    image: np.ndarray
    label: np.ndarray
    score: np.ndarray
    rank: np.ndarray
    hit: np.ndarray
    ignored: np.ndarray
    truth: np.ndarray
    near: np.ndarray
    near_truth: np.ndarray
    other: np.ndarray
    other_truth: np.ndarray
    area: np.ndarray
    truth_image: np.ndarray
    truth_label: np.ndarray
    truth_area: np.ndarray


def rank(found: List[Things], truths: List[Things]) -> Ranked:
    """Match the detections of every picture with its objects.

    Args:
        found (list[Things]): Detections of each picture, in the order of the pictures' ids.
        truths (list[Things]): Objects of the same pictures.
    """
    parts, first = [], 0
    for index, (dets, objects) in enumerate(zip(found, truths)):
        kept = np.flatnonzero(~objects.crowd)
        numbers = np.full(len(objects.labels), -1)
        numbers[kept] = first + np.arange(len(kept))
        first += len(kept)
        parts.append(_match_picture(index, dets, objects, numbers))
    columns = [np.concatenate(column) for column in zip(*parts)]
    counts = [np.flatnonzero(~objects.crowd) for objects in truths]
    return Ranked(
        *columns,
        truth_image=np.repeat(np.arange(len(truths)), [len(c) for c in counts]),
        truth_label=np.concatenate([t.labels[c] for t, c in zip(truths, counts)]).astype(int),
        truth_area=np.concatenate([t.areas[c] for t, c in zip(truths, counts)]))


def overlaps(dets: Things, objects: Things) -> np.ndarray:
    """IoU (detections, objects); of a crowd the share of the detection that is inside."""
    if not len(dets.labels) or not len(objects.labels):
        return np.zeros((len(dets.labels), len(objects.labels)))
    return np.asarray(coco_mask.iou(dets.shapes, objects.shapes, objects.crowd.tolist()))


def _match_picture(index: int, dets: Things, objects: Things, numbers: np.ndarray) -> list:
    """The columns of :class:`Ranked` for one picture."""
    count, iou = len(dets.labels), overlaps(dets, objects)
    hit = np.zeros((count, len(SIZES), len(IOUS)), bool)
    ignored = np.zeros_like(hit)
    truth, same = np.full(count, -1), dets.labels[:, None] == objects.labels
    near_enough = ((iou >= IOUS[0]) & same).any(1)  # no others find an object
    for label in np.unique(dets.labels[near_enough]):
        rows = np.flatnonzero(near_enough & (dets.labels == label))
        columns = np.flatnonzero(objects.labels == label)
        hit[rows], ignored[rows], best = _match_class(iou[rows[:, None],
                                                          columns], objects.areas[columns],
                                                      objects.crowd[columns])
        truth[rows] = np.where(best >= 0, numbers[columns][best], -1)
    unmatched = outside(dets.areas) | np.isin(dets.labels, objects.partly)[:, None]
    ignored |= unmatched[..., None] & ~hit
    near, near_truth = _nearest(iou, same & ~objects.crowd, numbers)
    other, other_truth = _nearest(iou, ~same & ~objects.crowd, numbers)
    return [
        np.full(count, index), dets.labels, dets.scores,
        places(dets.labels), hit, ignored, truth, near, near_truth, other, other_truth, dets.areas
    ]


def outside(areas: np.ndarray) -> np.ndarray:
    """Whether areas (n, ) are outside each range of sizes: (n, sizes)."""
    return (areas[:, None] < _AREAS[:, 0]) | (areas[:, None] > _AREAS[:, 1])


def _match_class(iou: np.ndarray, areas: np.ndarray, crowd: np.ndarray) -> tuple:
    """Detections of a class, the best first, each take the free object that they overlap most.

    Args:
        iou (np.ndarray): Overlaps (n, m).
        areas (np.ndarray): Areas of the objects (m, ).
        crowd (np.ndarray): Whether they are crowds (m, ).

    Returns:
        tuple: ``hit`` and ``ignored`` (n, sizes, thresholds), and the object that is found at the
        first threshold among all sizes (n, ), else -1.
    """
    does_not_count = (outside(areas).T | crowd)[:, None]  # (sizes, 1, m)
    free = np.ones((len(SIZES), len(IOUS), len(areas)), bool)
    hit = np.zeros((len(iou), len(SIZES), len(IOUS)), bool)
    ignored, best = np.zeros_like(hit), np.full(len(iou), -1)
    sizes, thresholds = np.ogrid[:len(SIZES), :len(IOUS)]
    for i, row in enumerate(iou):
        able = (free | crowd) & (row >= IOUS[:, None])
        if not able.any():
            continue
        # objects that count come first, and of equal overlaps the last one
        rank_of = np.where(able, row + 2 * ~does_not_count, -1.)[..., ::-1]
        taken = len(areas) - 1 - rank_of.argmax(-1)
        some = able[sizes, thresholds, taken]
        skipped = does_not_count[sizes, 0, taken]
        hit[i], ignored[i] = some & ~skipped, some & skipped
        free[sizes, thresholds, taken] &= ~some
        best[i] = taken[0, 0] if hit[i, 0, 0] else -1
    return hit, ignored, best


def places(labels: np.ndarray) -> np.ndarray:
    """How many of the same class come before each (n, )."""
    order = np.argsort(labels, kind='stable')
    ordered = labels[order]
    place = np.empty(len(labels), int)
    place[order] = np.arange(len(labels)) - np.searchsorted(ordered, ordered)
    return place


def _nearest(iou: np.ndarray, wanted: np.ndarray, numbers: np.ndarray) -> tuple:
    """Largest overlap (n, ) with the objects that are wanted, and the number of that object."""
    if not iou.size:
        return np.zeros(len(iou)), np.full(len(iou), -1)
    shown = np.where(wanted, iou, 0.)
    best = shown.argmax(1)
    value = shown[np.arange(len(iou)), best]
    return value, np.where(value > 0, numbers[best], -1)


class Curve:
    """Precision and recall of the detections of a class, the best first.

    Args:
        score (np.ndarray): Scores (n, ).
        hit (np.ndarray): Whether they are right, (n, thresholds).
        counts (np.ndarray): Whether they count, (n, thresholds).
    """

    def __init__(self, score: np.ndarray, hit: np.ndarray, counts: np.ndarray) -> None:
        self._order = np.argsort(-score, kind='stable')
        self._counts = np.ascontiguousarray(counts[self._order].T)
        right = (hit & counts)[self._order].T
        # elsewhere precision falls and recall stays
        self._places = np.flatnonzero(right.any(0))
        self._right = np.ascontiguousarray(right[:, self._places])

    def average_precision(self,
                          positives: float,
                          weights: Optional[np.ndarray] = None) -> np.ndarray:
        """COCO's average precision: the mean of 101 points of the monotone curve.

        Args:
            positives (float): Number of objects; NaN is returned if it is zero.
            weights (np.ndarray, optional): Of each detection (n, ). Defaults to None: 1.

        Returns:
            np.ndarray: One value per threshold.
        """
        if not positives:
            return np.full(len(self._counts), np.nan)
        weight = np.ones(len(self._order)) if weights is None else weights[self._order]
        right = np.cumsum(self._right * weight[self._places], 1)
        shown = np.cumsum(self._counts * weight, 1)[:, self._places]
        recall, precision = right / positives, right / (shown + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
        precision = np.pad(precision, ((0, 0), (0, 1)))
        return np.array(
            [row[np.searchsorted(at, RECALLS)].mean() for row, at in zip(precision, recall)])
