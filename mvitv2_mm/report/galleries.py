"""Which samples are worth a look: best, worst, most confused, and probably mislabelled ones."""
from collections import Counter
from typing import Iterable, List, Optional

import numpy as np

from ..drawing import missed, right, wrong
from .pictures import Gallery, Pictures, Shown
from .results.coco import boxes_of
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
        found = []
    return [gallery for gallery in found if gallery.shown]


def show(result: Result, index: int, pictures: Pictures, text: Optional[str] = None) -> Shown:
    """One sample with what was predicted and what is true."""
    is_right = bool(result.correct[index])
    sample, name = result.samples[index], result.keys[index]
    if isinstance(result, DetectionResult):
        url = pictures.of(sample, judged_objects(result, index))
        name = str(sample.get('img_path', name))
        return Shown(url, text or _judged_text(result, index), name, is_right)
    if text is None:
        text = _label_text(result, index) if isinstance(result, SingleLabelResult) else _several(
            result, index) if isinstance(result, MultiLabelResult) else name
    return Shown(pictures.of(sample), text, name, is_right)


def _label_text(result: SingleLabelResult, index: int) -> str:
    said = f'{result.classes[result.predicted[index]]} {result.confidence[index]:.2f}'
    if result.correct[index]:
        return said
    return f'{said}, is {result.classes[result.truth[index]]}'


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


def _several(result: MultiLabelResult, index: int) -> str:
    said = np.flatnonzero(result.scores[index] >= 0.5)
    true = np.flatnonzero(result.truth[index])
    names = [', '.join(result.classes[i] for i in part) or 'nothing' for part in (said, true)]
    return names[0] if result.correct[index] else f'{names[0]}; is {names[1]}'


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
    found = result.samples[index]['pred_instances']
    key = 'mask_scores' if result.kind == 'segm' and 'mask_scores' in found else 'scores'
    order = np.argsort(-np.asarray(found[key], float), kind='stable')
    boxes = boxes_of(found)[order]
    boxes[:, 2:] += boxes[:, :2]
    rows, objects = np.flatnonzero(r.image == index), []
    for place, row in enumerate(rows):
        if r.score[row] < SHOWN_SCORE or kind[row] == IGNORED:
            continue
        mask = found['masks'][order[place]] if result.kind == 'segm' else None
        args = result.classes[r.label[row]], r.score[row], boxes[place], mask
        if kind[row] == RIGHT:
            objects.append(right(*args))
            continue
        on = r.other_truth[row] if kind[row] == KINDS.index('classification') else -1
        objects.append(wrong(*args, truth=result.classes[r.truth_label[on]] if on >= 0 else None))
    seen = set(r.truth[rows[(r.score[rows] >= SHOWN_SCORE) & (kind[rows] == RIGHT)]].tolist())
    lost = [i for i in np.flatnonzero(r.truth_image == index) if i not in seen]
    return objects + [missed(result.classes[r.truth_label[i]], result.box_of(i)) for i in lost]


def _judged_text(result: DetectionResult, index: int) -> str:
    counts = (part[index] for part in result.judged)
    return ', '.join(f'{count} {name}' for count, name in zip(counts, ('right', 'wrong', 'missed')))


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
