import re
from collections import defaultdict
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor
from torchvision.ops import box_iou

from ...datasets.lists import parse_lines
from ...datasets.mmaction.annotations import (KEY_COLUMNS, PERSON_COLUMNS, Key, parse_key,
                                              parse_person)
from ...registry import METRICS

IOU = 0.5
# first and last action of each kind, counted from 1
_KINDS = dict(person_movement=(1, 14), object_manipulation=(15, 63), person_interaction=(64, 80))
_NOBODY = torch.zeros(0, 4, dtype=torch.double), np.zeros(0, int)

People = Tuple[Tensor, np.ndarray]


class RankedActions(NamedTuple):
    """Detections of all key frames, and which of them are right.

    Attributes:
        actions (np.ndarray): The actions that count, from 1.
        scores (np.ndarray): Of each detection (n, actions).
        hits (np.ndarray): Whether it is right (n, actions).
        frame (np.ndarray): Its key frame in the order of the results (n, ).
        annotated (np.ndarray): How often each key frame is annotated with each action.
        elsewhere (np.ndarray): How often key frames that were not tested are.
        people (list[tuple]): Annotated boxes and actions of each key frame.
    """
    actions: np.ndarray
    scores: np.ndarray
    hits: np.ndarray
    frame: np.ndarray
    annotated: np.ndarray
    elsewhere: np.ndarray
    people: List[People]

    def average_precisions(self) -> np.ndarray:
        """Average precision of each action; NaN if it is not annotated."""
        positives = self.annotated.sum(0) + self.elsewhere
        columns = zip(self.scores.T, self.hits.T, positives)
        return np.array([average_precision(*column) for column in columns])


@METRICS.register_module()
class AVAMetric(BaseMetric):
    """Mean average precision of actions in key frames at an IoU of 0.5 (AVA).

    As in the official evaluation all scores count as they are, and so do detections in key frames
    without annotation. mmaction2's ``AVAMetric`` leaves the latter out, rounds scores to four
    digits, and fails with numpy 2 on actions without annotation.

    Args:
        ann_file (str): Lines ``video,second,x1,y1,x2,y2,action,person``; actions count from 1.
        label_file (str, optional): Label map (pbtxt) of the actions to evaluate; in AVA 60 of 80,
            for which the means of the three kinds are added. Defaults to None: all actions.
        exclude_file (str, optional): Lines ``video,second``: key frames to leave out. Defaults to
            None.
        collect_device (str): Where processes exchange results, 'cpu' or 'gpu'. Defaults to 'cpu'.

    Source: the PASCAL evaluator of ActivityNet's ``get_ava_performance.py``.
    """
    default_prefix = 'mAP'

    def __init__(self,
                 ann_file: str,
                 label_file: Optional[str] = None,
                 exclude_file: Optional[str] = None,
                 collect_device: str = 'cpu') -> None:
        super().__init__(collect_device=collect_device)
        self.ann_file = ann_file
        self.label_file = label_file
        self.exclude_file = exclude_file

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep relative boxes (n, 4) and scores (n, num_actions) of each key frame."""
        for sample in data_samples:
            found = sample['pred_instances']
            self.results.append(((sample['video_id'], sample['timestamp']),
                                 found['bboxes'].cpu().double(), found['scores'].cpu().numpy()))

    def compute_metrics(self, results: List[Tuple[Key, Tensor, np.ndarray]]) -> Dict[str, float]:
        """Mean over all actions that are annotated, and over those of each kind; in [0, 1]."""
        return self.means(self.rank(results))

    def rank(self, results: List[Tuple[Key, Tensor, np.ndarray]]) -> 'RankedActions':
        """Find out which detections are right."""
        actions = np.arange(1, results[0][2].shape[1] + 1)
        if self.label_file:
            text = Path(self.label_file).read_text()
            ids = re.findall(r'^\s*(?:label_)?id:\s*(\d+)', text, re.M)
            actions = np.array(sorted(int(i) for i in ids))
            if actions.max(initial=0) > results[0][2].shape[1]:
                raise ValueError(f'{self.label_file} has an action {actions.max()}, but there are '
                                 f'scores of {results[0][2].shape[1]} actions')
        excluded = self._read_excluded()
        truth = self._read_truth(excluded)
        scores, hits, frames = [], [], []
        for frame, (key, boxes, all_scores) in enumerate(results):
            if key not in excluded:
                scores.append(all_scores[:, actions - 1])
                hits.append(match(boxes, scores[-1], truth.get(key, _NOBODY), actions))
                frames.append(np.full(len(boxes), frame))
        people = [truth.pop(key, _NOBODY) for key, _, _ in results]
        annotated = [_count(one, actions) for one in people]
        elsewhere = sum((_count(one, actions) for one in truth.values()), 0)
        return RankedActions(actions, np.concatenate(scores), np.concatenate(hits),
                             np.concatenate(frames), np.stack(annotated), elsewhere, people)

    def means(self, ranked: 'RankedActions') -> Dict[str, float]:
        """See :meth:`compute_metrics`."""
        actions, aps = ranked.actions, ranked.average_precisions()
        metrics = {
            kind: _mean(aps[(actions >= first) & (actions <= last)])
            for kind, (first, last) in _KINDS.items() if self.label_file
        }
        return dict(overall=_mean(aps), **metrics)

    def _read_excluded(self) -> Set[Key]:
        if self.exclude_file is None:
            return set()
        return set(parse_lines(self.exclude_file, parse_key, KEY_COLUMNS))

    def _read_truth(self, excluded: Set[Key]) -> Dict[Key, People]:
        """Boxes (m, 4) and actions (m, ), one per annotation, of each key frame."""
        rows = defaultdict(list)
        for person in parse_lines(self.ann_file, parse_person, PERSON_COLUMNS):
            if person['key'] not in excluded:
                rows[person['key']].append([*person['box'], person['action']])
        tables = {key: torch.tensor(row, dtype=torch.double) for key, row in rows.items()}
        return {key: (t[:, :4], t[:, 4].numpy().astype(int)) for key, t in tables.items()}


def _count(people: People, actions: np.ndarray) -> np.ndarray:
    """How often people are annotated with each action."""
    return (people[1][:, None] == actions).sum(0)


def match(boxes: Tensor, scores: np.ndarray, people: People, actions: np.ndarray) -> np.ndarray:
    """Which detections of a frame find an annotation that no better one has found.

    Args:
        boxes (Tensor): Detected boxes (n, 4).
        scores (np.ndarray): Their scores (n, len(actions)).
        people (tuple): Annotated boxes (m, 4) and actions (m, ).
        actions (np.ndarray): The action of each column of ``scores``.

    Returns:
        np.ndarray: Truth values of shape (n, len(actions)).
    """
    hits = np.zeros(scores.shape, bool)
    overlaps = box_iou(boxes, people[0]).numpy()
    for column, action in enumerate(actions):
        candidates = np.flatnonzero(people[1] == action)
        found = set()
        for i in np.argsort(-scores[:, column], kind='stable') if len(candidates) else ():
            best = candidates[overlaps[i, candidates].argmax()]
            hits[i, column] = overlaps[i, best] >= IOU and best not in found
            if hits[i, column]:
                found.add(best)
    return hits


def average_precision(scores: np.ndarray, hits: np.ndarray, num_annotated: int) -> float:
    """Area under the precision-recall curve made monotone (PASCAL VOC); NaN without annotation."""
    if not num_annotated:
        return np.nan
    hits = hits[np.argsort(-scores, kind='stable')]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return envelope[hits].sum() / num_annotated


def _mean(aps: np.ndarray) -> float:
    """Mean over the actions that are annotated."""
    aps = aps[~np.isnan(aps)]
    return float(aps.mean()) if len(aps) else float('nan')
