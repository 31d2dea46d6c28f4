"""Which samples are worth a look: best, worst, most confused, and probably mislabelled ones."""
from collections import Counter
from functools import partial
from typing import Iterable, List, Optional

import numpy as np

from ..drawing import missed, right, wrong
from .key_frames import judged_people
from .pictures import Gallery, Pictures, Shown
from .results.actions import ActionResult
from .results.detection import SHOWN_SCORE, DetectionResult
from .results.make import Result
from .results.multi import MultiLabelResult
from .results.single import SingleLabelResult
from .results.tide import IGNORED, KINDS, RIGHT

_COUNT = 12
_OBJECTS_COUNT = 8
_PAIRS = 3
_SURE = 0.8


def make_galleries(result: Result, pictures: Pictures) -> List[Gallery]:
    """Pictures of samples that say most about a result."""
    if isinstance(result, SingleLabelResult):
        found = _of_single(result, pictures)
    elif isinstance(result, MultiLabelResult):
        found = _of_multi(result, pictures)
    elif isinstance(result, DetectionResult):
        found = _of_detection(result, pictures)
    else:
        found = _of_actions(result, pictures)
    return [gallery for gallery in found if gallery.shown]


def show(result: Result, index: int, pictures: Pictures, text: Optional[str] = None) -> Shown:
    """One sample with what was predicted and what is true."""
    sample, name, objects = result.samples[index], result.keys[index], None
    if isinstance(result, DetectionResult):
        objects = judged_objects(result, index)
        name = str(sample.get('img_path', name))
    if isinstance(result, ActionResult):
        objects = partial(judged_people, result, index)
    url = pictures.of(sample, objects)
    return Shown(url, text or '; '.join(lines_of(result, index)), name, bool(result.correct[index]))


def lines_of(result: Result, index: int) -> List[str]:
    """What was predicted for a sample and, on a second line, what is true if that differs."""
    if isinstance(result, (DetectionResult, ActionResult)):
        names = zip(('right', 'wrong', 'missed'), result.judged)
        return [', '.join(f'{counts[index]} {name}' for name, counts in names)]
    if isinstance(result, SingleLabelResult):
        said = f'{result.classes[result.predicted[index]]} {result.confidence[index]:.2f}'
        truth = result.classes[result.truth[index]]
    else:
        parts = result.scores[index] >= 0.5, result.truth[index]
        said, truth = (', '.join(result.classes[i] for i in np.flatnonzero(part)) or 'nothing'
                       for part in parts)
    return [said] if result.correct[index] else [said, f'is {truth}']


def _of_single(result: SingleLabelResult, pictures: Pictures) -> List[Gallery]:
    wrong_ones, right_ones = np.flatnonzero(~result.correct), np.flatnonzero(result.correct)
    sure = result.confidence

    def gallery(title: str, text: str, rows: Iterable[int]) -> Gallery:
        return Gallery(title, text, [show(result, int(i), pictures) for i in rows])

    def labels(index: int, label: int) -> str:
        return (f'labelled {result.classes[result.truth[index]]}, looks like '
                f'{result.classes[label]} {result.scores[index, label]:.2f}')

    doubtful = result.mislabelled()
    return [
        gallery('Worst', 'wrong with the highest scores',
                wrong_ones[np.argsort(-sure[wrong_ones], kind='stable')][:_COUNT]),
        gallery('Most confused', 'of the pairs of classes that are mixed up most often',
                _confused(result)),
        Gallery(
            'Probably mislabelled', 'another class reaches the score that it usually has where it '
            f'is true (confident learning); {len(doubtful)} in all',
            [show(result, i, pictures, labels(i, k)) for i, k in doubtful[:_COUNT]]),
        gallery('Least sure', 'right with the lowest scores',
                right_ones[np.argsort(sure[right_ones], kind='stable')][:_COUNT // 2]),
        gallery('Best', 'right with the highest scores',
                right_ones[np.argsort(-sure[right_ones], kind='stable')][:_COUNT // 2]),
    ]


def _confused(result: SingleLabelResult) -> List[int]:
    rows = np.flatnonzero(~result.correct)
    pairs = [(int(result.truth[i]), int(result.predicted[i])) for i in rows]
    found = []
    for pair, _ in Counter(pairs).most_common(_PAIRS):
        found += [int(i) for i, other in zip(rows, pairs) if other == pair][:_COUNT // _PAIRS]
    return found


def _of_multi(result: MultiLabelResult, pictures: Pictures) -> List[Gallery]:
    distance = np.abs(result.scores - result.truth).max(1)
    order = np.argsort(-distance, kind='stable')
    return [
        Gallery(title, text, [show(result, int(i), pictures) for i in rows])
        for title, text, rows in (
            ('Worst', 'one score is farthest from the truth; classes with 0.5 are named',
             order[:_COUNT]), ('Best', 'all scores are near the truth', order[::-1][:_COUNT // 2]))
    ]


def judged_objects(result: DetectionResult, index: int) -> List[dict]:
    """What is right, wrong and missed in a picture, to be drawn."""
    r, kind = result.ranked, result.errors.kind
    found, objects = result.samples[index]['pred_instances'], []
    rows = np.flatnonzero(r.image == index)
    for row, source in zip(rows, result.sources[rows]):
        if r.score[row] < SHOWN_SCORE or kind[row] == IGNORED:
            continue
        mask = found['masks'][source] if result.kind == 'segm' else None
        args = result.classes[r.label[row]], r.score[row], found['bboxes'][source], mask
        if kind[row] == RIGHT:
            objects.append(right(*args))
            continue
        on = r.other_truth[row] if kind[row] == KINDS.index('classification') else -1
        note = f'is {result.classes[r.truth_label[on]]}' if on >= 0 else 'not there'
        objects.append(wrong(*args, note=note))
    seen = set(r.truth[rows[(r.score[rows] >= SHOWN_SCORE) & (kind[rows] == RIGHT)]].tolist())
    lost = [i for i in np.flatnonzero(r.truth_image == index) if i not in seen]
    return objects + [missed(result.classes[r.truth_label[i]], result.box_of(i)) for i in lost]


def _of_detection(result: DetectionResult, pictures: Pictures) -> List[Gallery]:
    r, judged = result.ranked, result.judged
    bad = judged.wrong + judged.missed
    worst = np.argsort(-bad, kind='stable')
    best = np.argsort(-np.where(bad == 0, judged.right, -1), kind='stable')
    sure = r.score >= _SURE

    def about(kind: str) -> List[int]:
        rows = np.flatnonzero(sure & (result.errors.kind == KINDS.index(kind)))
        rows = rows[np.argsort(-r.score[rows], kind='stable')]
        return list(dict.fromkeys(r.image[rows].tolist()))[:_OBJECTS_COUNT]

    note = (
        f'detections with a score of {SHOWN_SCORE} or more, at an IoU of 0.5. Blue: right; orange: '
        'wrong; yellow and dashed: missed')
    parts = (
        ('Worst', f'most wrong and missed objects; {note}',
         [i for i in worst[:_OBJECTS_COUNT] if bad[i]]),
        ('Most confused', f'surest detections of another class ({_SURE} or more)',
         about('classification')),
        ('Probably mislabelled', f'surest detections where nothing is labelled ({_SURE} or more)',
         about('background')),
        ('Best', 'most objects, all of them right',
         [i for i in best[:_OBJECTS_COUNT // 2] if bad[i] == 0]),
    )
    return [
        Gallery(title, text, [show(result, int(i), pictures) for i in rows])
        for title, text, rows in parts
    ]


def _of_actions(result: ActionResult, pictures: Pictures) -> List[Gallery]:
    right_ones, wrong_ones, lost = result.judged
    bad = wrong_ones + lost
    worst = np.argsort(-bad, kind='stable')[:_OBJECTS_COUNT]
    best = np.argsort(-np.where(bad == 0, right_ones, -1), kind='stable')[:_OBJECTS_COUNT // 2]
    parts = (('Worst',
              'most wrong and missed actions at a score of 0.5. Blue: right; orange: wrong; '
              'yellow and dashed: missed', [i for i in worst if bad[i]]),
             ('Best', 'most actions, all of them right',
              [i for i in best if bad[i] == 0 and right_ones[i]]))
    return [
        Gallery(title, text, [show(result, int(i), pictures) for i in rows])
        for title, text, rows in parts
    ]
