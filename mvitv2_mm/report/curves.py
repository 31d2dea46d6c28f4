"""Curves of trainings, of all runs in the same charts."""
from typing import List, Sequence

from markupsafe import Markup

from .charts import lines
from .runs import Run, unit_of

_MOST = 6  # metrics of a validation that have a chart


def draw_curves(runs: Sequence[Run]) -> List[Markup]:
    """Loss, learning rate, gradient norm, metrics, time and memory; without what is not logged."""
    runs = [run for run in runs if run.log.rows]
    found = [_losses(runs), _rates(runs)]
    found += [
        _of_all(runs, 'gradient norm', 'grad_norm'),
        *(_validation(runs, name) for name in _metrics(runs)),
        _of_all(runs, 'seconds per iteration', 'time'),
        _of_all(runs, 'seconds per iteration that wait for data', 'data_time'),
        _of_all(runs, 'memory of the GPU, MB', 'memory')
    ]
    return [chart for chart in found if chart]


def _losses(runs: Sequence[Run]) -> Markup:
    """All losses of one run, or the whole loss of several."""
    if len(runs) != 1:
        return _of_all(runs, 'loss', 'loss')
    log = runs[0].log
    return lines('loss', [(name, log.curve(name)) for name in log.losses()], 'iteration')


def _rates(runs: Sequence[Run]) -> Markup:
    """Learning rates of all groups of one run, or of the first groups of several."""
    if len(runs) == 1 and runs[0].log.rates:
        return lines('learning rate of each group of parameters', list(runs[0].log.rates.items()),
                     'iteration')
    return _of_all(runs, 'learning rate', 'lr')


def _of_all(runs: Sequence[Run], title: str, key: str) -> Markup:
    return lines(title, [(run.name, run.log.curve(key)) for run in runs], 'iteration')


def _validation(runs: Sequence[Run], name: str) -> Markup:
    unit = unit_of(name)
    return lines(
        f'validation: {name}' + (f', {unit}' if unit else ''),
        [(run.name, run.log.validation(name)) for run in runs],
        'epoch or iteration',
        marks=True)


def _metrics(runs: Sequence[Run]) -> List[str]:
    """Metrics of validations; of COCO's many the mean ones come first."""
    names = list(dict.fromkeys(name for run in runs for name in run.log.validated()))
    return sorted(names, key=lambda name: not name.endswith(('mAP', 'top1')))[:_MOST]
