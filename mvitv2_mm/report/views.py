"""What a page shows of results and logs: numbers, tables, charts, and data for its script."""
import json
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from markupsafe import Markup

from . import charts
from .pictures import Gallery
from .results.actions import ActionResult
from .results.base import THRESHOLDS
from .results.coco import OF_CLASS
from .results.detection import SHOWN_SCORE, DetectionResult
from .results.make import Result
from .results.matching import IOUS, SIZES
from .results.multi import MultiLabelResult
from .results.single import SingleLabelResult
from .results.tide import EXPLAINED, IGNORED, KINDS, RIGHT, missed_by
from .runs import Run, unit_of

_SHOWN_CLASSES = 25  # in a matrix of confusions
_MOST_STEPS = 10 * 1000  # numbers of classes times thresholds in the page
_MOST_ROWS = 1250  # of the table of classes; LVIS has 1203


class Metric(NamedTuple):
    """One metric and its unit: from the file of the test, computed here, and whether both agree."""
    name: str
    unit: str
    reported: Optional[float]
    computed: Optional[float]

    @property
    def agrees(self) -> bool:
        if self.reported is None or self.computed is None:
            return True
        if np.isnan(self.reported) or np.isnan(self.computed):
            return bool(np.isnan(self.reported) and np.isnan(self.computed))
        # mmdet rounds to three digits, mmpretrain computes in float32
        return abs(self.reported - self.computed) <= max(5.1e-4, 1e-5 * abs(self.reported))


class Row(NamedTuple):
    """A class in the table: its name, number, fixed values, and those at the threshold."""
    name: str
    count: int
    fixed: List[str]
    rates: List[str]


class ResultView(NamedTuple):
    """A result as the page shows it."""
    title: str
    summary: str
    columns: List[str]
    columns_note: str
    rows: List[Row]
    left_out: int
    matrix: Optional[dict]
    step: int
    total: List[str]
    data: Markup
    charts: List[Markup]
    errors: Optional[dict]
    galleries: List[Gallery]
    thresholds: List[str]
    thresholds_note: str


def metric_rows(run: Run, results: Sequence[Result]) -> List[Metric]:
    """Every metric of the test, and what is computed here where there is none."""
    computed: Dict[str, float] = {}
    for result in results:
        computed.update(result.metrics)
    names = list(run.metrics) or [name for name in computed if not name.endswith(OF_CLASS)]
    return [
        Metric(name, unit_of(name), run.metrics.get(name), computed.get(name)) for name in names
    ]


def view(result: Result, galleries: List[Gallery]) -> ResultView:
    """All that a page shows of a result."""
    step = 0 if isinstance(result, SingleLabelResult) else 10
    stride = 1 if len(result.classes) * len(THRESHOLDS) <= _MOST_STEPS else 2
    steps = list(range(0, len(THRESHOLDS), stride))
    rates = result.counts.rates()
    fixed_names, fixed_note, fixed = _fixed_columns(result)
    shown = _worst(rates[2][:, step])
    rows = [
        Row(result.classes[i], int(result.counts.positives[i]), [_number(v) for v in fixed[i]],
            [_number(part[i, step]) for part in rates]) for i in shown
    ]
    matrix = _matrix(result, step)
    total = [total_rates(result, i) for i in steps]
    return ResultView(
        title=_title(result),
        summary=f'{result.num_samples} {result.unit}s, {len(result.classes)} classes',
        columns=fixed_names,
        columns_note=fixed_note,
        rows=rows,
        left_out=len(result.classes) - len(rows),
        matrix=matrix,
        step=steps.index(step),
        total=total[steps.index(step)],
        data=_data(result, shown, matrix, steps, total),
        charts=_charts(result),
        errors=_errors(result),
        galleries=galleries,
        thresholds=[f'{THRESHOLDS[i]:.2f}' for i in steps],
        thresholds_note=_note(result))


def _worst(f1: np.ndarray) -> np.ndarray:
    """Places of the classes that the table has room for: those with the lowest F1."""
    return np.sort(np.argsort(f1, kind='stable')[:_MOST_ROWS])


def _title(result: Result) -> str:
    if isinstance(result, DetectionResult):
        return dict(bbox='Boxes', segm='Masks')[result.kind]
    return 'Actions' if isinstance(result, ActionResult) else 'Classes'


def _note(result: Result) -> str:
    if isinstance(result, SingleLabelResult):
        return 'A prediction counts if its score reaches the threshold; else there is none.'
    if isinstance(result, MultiLabelResult):
        return 'A class is predicted for a clip if its score reaches the threshold.'
    if isinstance(result, ActionResult):
        return (
            'Actions count if their score reaches the threshold. They are right at an IoU of 0.5 '
            'or more with a person who does them and whom no better one has found.')
    return ('Detections count if their score reaches the threshold. They are right at an IoU of '
            '0.5 or more with an object of their class that no better one has found.')


def _fixed_columns(result: Result) -> Tuple[List[str], str, np.ndarray]:
    """Columns of the table of classes that do not depend on the threshold, and what they are."""
    if isinstance(result, DetectionResult):
        of_all = result.table[0, :, 0]
        note = 'AP at any score: the mean over IoUs from 0.50 to 0.95, and at 0.50 and 0.75'
        return ['AP', 'AP 50',
                'AP 75'], note, np.stack([np.mean(of_all, 1), of_all[:, 0], of_all[:, 5]], 1)
    if isinstance(result, SingleLabelResult):
        return [], '', np.zeros((len(result.classes), 0))
    note = 'AP at any score'
    if isinstance(result, ActionResult):
        note += ', at an IoU of 0.5'
    return ['AP'], note, result.table[:, None]


def total_rates(result: Result, step: int) -> List[str]:
    """Precision, recall and F1 of all classes: their means, and those of all predictions."""
    counts = result.counts
    present = counts.positives > 0
    if not present.any():
        return [''] * 6
    with np.errstate(invalid='ignore'):
        means = [np.nan_to_num(part[present, step]).mean() for part in counts.rates()]
        right, wrong = counts.right[:, step].sum(), counts.wrong[:, step].sum()
        total = counts.positives.sum()
        pooled = [right / (right + wrong), right / total, 2 * right / (right + wrong + total)]
    return [_number(value) for value in (*means, *pooled)]


def _matrix(result: Result, step: int) -> Optional[dict]:
    """Confusions of the classes that are mixed up most often."""
    matrix, count = result.counts.matrix, len(result.classes)
    if not any(matrix):
        return None
    mixed = np.zeros(count + 1)
    for (truth, prediction), number in matrix[step].items():
        if truth != prediction:
            mixed[truth] += number
            mixed[prediction] += number
    shown = sorted(np.argsort(-mixed[:count], kind='stable')[:_SHOWN_CLASSES].tolist())
    is_detection = isinstance(result, DetectionResult)
    places = [*shown, count]
    truths = places if is_detection else shown
    cells = [[matrix[step].get((t, p), 0) for p in places] for t in truths]
    names = [result.classes[i] for i in shown]
    return dict(
        left_out=count - len(shown),
        places=places,
        truths=truths,
        columns=[*names, 'missed' if is_detection else 'no answer'],
        lines=list(zip([*names, 'nothing there'][:len(truths)], cells)))


def _data(result: Result, shown: np.ndarray, matrix: Optional[dict], steps: List[int],
          total: List[List[str]]) -> Markup:
    """Numbers at every threshold, for the script of the page."""
    counts = result.counts
    content: Dict[str, Any] = dict(
        thresholds=[f'{THRESHOLDS[i]:.2f}' for i in steps],
        total=total,
        positives=counts.positives[shown].tolist(),
        right=counts.right[np.ix_(shown, steps)].tolist(),
        wrong=counts.wrong[np.ix_(shown, steps)].tolist())
    if matrix:
        columns = {place: i for i, place in enumerate(matrix['places'])}
        lines = {place: i for i, place in enumerate(matrix['truths'])}
        content['matrix'] = [[[lines[t], columns[p], n] for (t, p), n in counts.matrix[i].items()
                              if t in lines and p in columns] for i in steps]
    return as_json(content)


def as_json(content: Any) -> Markup:
    """JSON that can stand in a script element."""
    return Markup(json.dumps(content, separators=(',', ':')).replace('<', '\\u003c'))


def _charts(result: Result) -> List[Markup]:
    if isinstance(result, SingleLabelResult):
        found = result.calibration
        title = (f'Calibration: accuracy by confidence; expected calibration error '
                 f'{found.error:.4f} ({len(found.counts)} ranges)')
        return [charts.reliability(title, found.confidence, found.accuracy, found.counts)]
    if not isinstance(result, DetectionResult):
        return []
    by_iou = _mean(result.table[0]).T  # thresholds, sizes
    series = [(size, by_iou[:, i]) for i, size in enumerate(SIZES) if not np.isnan(by_iou[:, i][0])]
    return [
        charts.bars('AP by IoU and size (small: below 32 x 32 pixels, large: above 96 x 96)',
                    [f'{iou:.2f}' for iou in IOUS], series, 1.),
        charts.bars('TIDE: AP 50 that each kind of error costs', KINDS,
                    [('cost', list(result.costs.values()))])
    ]


def _mean(table: np.ndarray) -> np.ndarray:
    """Mean over classes (sizes, thresholds); NaN where there is nothing."""
    known = ~np.isnan(table)
    with np.errstate(invalid='ignore'):
        return np.where(known, table, 0).sum(0) / known.sum(0)


def _errors(result: Result) -> Optional[dict]:
    """The six kinds of errors, by size."""
    if not isinstance(result, DetectionResult):
        return None
    r, errors = result.ranked, result.errors
    bounds = [0, 32**2, 96**2, np.inf]
    sizes, truth_sizes = (np.digitize(areas, bounds[1:3]) for areas in (r.area, r.truth_area))
    seen = r.score >= SHOWN_SCORE
    lost, rows = missed_by(r, errors.kind, errors.touched, seen), []
    for number, name in enumerate(KINDS):
        here = errors.kind == number
        of_all, of_seen = sizes[here], sizes[here & seen]
        if name == 'missed':
            of_all, of_seen = truth_sizes[errors.missed], truth_sizes[lost]
        rows.append((name, EXPLAINED[name], _number(result.costs[name]), len(of_all), len(of_seen),
                     np.bincount(of_seen, minlength=3).tolist()))
    return dict(rows=rows, score=SHOWN_SCORE, sum=_sum(errors.kind))


def _sum(kind: np.ndarray) -> str:
    """What the kinds of errors do not count, so that all detections are told of."""
    right, ignored = (kind == RIGHT).sum(), (kind == IGNORED).sum()
    return f'Of {len(kind)} detections {right} are right, and {ignored} do not count.'


def _number(value: float) -> str:
    return '' if np.isnan(value) else f'{value:.3f}'
