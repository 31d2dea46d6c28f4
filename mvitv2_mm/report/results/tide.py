"""The six kinds of errors of TIDE (Bolya et al., 2020), and what each of them costs."""
from typing import Dict, NamedTuple

import numpy as np

from .matching import Curve, Ranked

KINDS = ('classification', 'localisation', 'both', 'duplicate', 'background', 'missed')
EXPLAINED = {
    'classification': 'on an object, but of another class',
    'localisation': 'the right class, but the box or mask fits too little (IoU 0.1 to 0.5)',
    'both': 'another class and fits too little',
    'duplicate': 'on an object that a better detection has found',
    'background': 'where no object is (IoU below 0.1)',
    'missed': 'objects that no detection and no error above touches',
}
RIGHT, IGNORED = -1, -2
_FOREGROUND, _BACKGROUND = 0.5, 0.1


class Errors(NamedTuple):
    """What is wrong.

    Attributes:
        kind (np.ndarray): Index in ``KINDS`` of each detection, or RIGHT, or IGNORED.
        touched (np.ndarray): The object that a classification or localisation error is about, else
            -1.
        missed (np.ndarray): Whether each object is missed.
    """
    kind: np.ndarray
    touched: np.ndarray
    missed: np.ndarray


def find_errors(ranked: Ranked) -> Errors:
    """Say of each detection what is wrong with it, and which objects are missed."""
    ignored, right = ranked.ignored[:, 0, 0], ranked.hit[:, 0, 0]
    kind = np.full(len(right), KINDS.index('both'))
    kind[np.maximum(ranked.near, ranked.other) <= _BACKGROUND] = KINDS.index('background')
    kind[ranked.near > _FOREGROUND] = KINDS.index('duplicate')
    kind[ranked.other >= _FOREGROUND] = KINDS.index('classification')
    is_near = (ranked.near >= _BACKGROUND) & (ranked.near <= _FOREGROUND)
    kind[is_near] = KINDS.index('localisation')
    kind[right], kind[ignored] = RIGHT, IGNORED
    touched = np.full(len(kind), -1)
    for name, objects in (('classification', ranked.other_truth), ('localisation',
                                                                   ranked.near_truth)):
        here = kind == KINDS.index(name)
        touched[here] = objects[here]
    everything = np.ones(len(kind), bool)
    return Errors(kind, touched, missed_by(ranked, kind, touched, everything))


def missed_by(ranked: Ranked, kind: np.ndarray, touched: np.ndarray,
              seen: np.ndarray) -> np.ndarray:
    """Whether each object is missed if only some of the detections are seen."""
    missed = np.ones(len(ranked.truth_label), bool)
    missed[ranked.truth[seen & (kind == RIGHT)]] = False
    missed[touched[seen & (touched >= 0)]] = False
    return missed


def costs(ranked: Ranked, errors: Errors) -> Dict[str, float]:
    """By how much AP at IoU 0.5 would grow if the errors of a kind were mended; in [0, 1].

    A classification or localisation error becomes right if it is the best one about an object that
    nothing has found, else it is taken away; the others are taken away; missed objects too.
    """
    kept = errors.kind != IGNORED
    right = errors.kind == RIGHT
    base = _mean_ap(ranked, ranked.label, right, kept, np.ones(len(ranked.truth_label), bool))
    mended = _best_about_unfound(ranked, errors)
    found = {}
    for number, name in enumerate(KINDS):
        here = errors.kind == number
        objects = ~errors.missed if name == 'missed' else np.ones_like(errors.missed)
        label, now_right = ranked.label, right
        if name in ('classification', 'localisation'):
            better = here & mended
            now_right, label = right | better, ranked.label.copy()
            label[better] = ranked.truth_label[errors.touched[better]]
        value = _mean_ap(ranked, label, now_right, kept & (~here | here & mended), objects)
        found[name] = max(value - base, 0.)
    return found


def _best_about_unfound(ranked: Ranked, errors: Errors) -> np.ndarray:
    used = np.zeros(len(ranked.truth_label), bool)
    used[ranked.truth[errors.kind == RIGHT]] = True
    about = np.flatnonzero(errors.touched >= 0)
    about = about[~used[errors.touched[about]]]
    order = about[np.lexsort((about, -ranked.score[about]))]
    _, first = np.unique(errors.touched[order], return_index=True)
    best = np.zeros(len(errors.kind), bool)
    best[order[first]] = True
    return best


def _mean_ap(ranked: Ranked, label: np.ndarray, right: np.ndarray, kept: np.ndarray,
             objects: np.ndarray) -> float:
    """Mean over the classes that have objects or detections."""
    positives = np.bincount(ranked.truth_label[objects], minlength=label.max(initial=-1) + 1)
    values = []
    for number, count in enumerate(positives):
        here = kept & (label == number)
        if count or here.any():
            every = np.ones((here.sum(), 1), bool)
            ap = Curve(ranked.score[here], right[here, None], every).average_precision(count)
            values.append(ap[0] if count else 0.)
    return float(np.mean(values)) if values else 0.
