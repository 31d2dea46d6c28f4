"""What runs were: facts from their logs, and their configs."""
from datetime import timedelta
from typing import Any, List, Optional, Sequence, Tuple

from ..config_walk import flat
from .runs import Run

_FIRST = ('started', 'took', 'mvitv2_mm', 'commit', 'seed', 'deterministic', 'processor', 'cores',
          'gpus', 'processes', 'system')
_SKIPPED = ('work_dir', 'launcher', 'experiment_name', 'load_from', 'resume')
_LONGEST = 300  # letters of a value


def facts(runs: Sequence[Run]) -> List[Tuple[str, List[str]]]:
    """Versions, commit, seed, hardware and duration: a name and the value of each run."""
    columns = []
    for run in runs:
        found = dict(run.log.facts)
        if run.log.seconds:
            found['took'] = str(timedelta(seconds=round(run.log.seconds)))
        columns.append({'predictions': str(run.dump or 'none'), **found})
    names = list(dict.fromkeys(name for column in columns for name in column))
    names.sort(key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return [(name, [column.get(name, '') for column in columns]) for name in names]


def foreseen(run: Run) -> List[Tuple[str, str, str, str]]:
    """Memory and time: a name, what a dry run has foreseen, what they were, the difference.

    Empty without a dry run of such a training, or if the training did not come to its end.
    """
    dry_run, cost = run.log.dry_run, run.log.cost
    if not dry_run or not dry_run['estimate'] or not cost:
        return []
    plan, estimate, device = dry_run['plan'], dry_run['estimate'], dry_run['measured']['device']
    if (plan['total_passes'], device) != (cost['total_passes'], cost['device']):
        return []
    seconds = sum(value for key, value in estimate.items() if key.endswith('_seconds'))
    seconds *= cost['passes'] / cost['total_passes']
    whose = 'process' if device == 'cpu' else 'GPU'
    rows = ((f'memory of the {whose}', _size, estimate['peak_bytes'], cost['peak_bytes']),
            (f'time of {cost["passes"]} passes', _duration, seconds, cost['seconds']))
    return [(name, shown(before), shown(after), f'{after / before - 1:+.1%}')
            for name, shown, before, after in rows if before]


def _size(number: int) -> str:
    return f'{number / 2**30:.2f} GiB'


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds, 1)))[:9]


def changed(run: Run) -> Tuple[str, Optional[List[Tuple[str, str, str]]], str]:
    """The whole config, what differs from its base, and why that is not known."""
    text = run.cfg.pretty_text if run.cfg is not None else ''
    if run.log.changes is None:
        return text, None, ('What it inherits is not written beside its log: it was not trained '
                            'with this version, or its config has no _base_.')
    rows = [(name, _short(before), _short(after))
            for name, (before, after) in run.log.changes.items()]
    return text, rows, ''


def differences(runs: Sequence[Run]) -> List[Tuple[str, List[str]]]:
    """Settings in which runs differ, and their values."""
    columns = [dict(flat(run.cfg.to_dict())) for run in runs if run.cfg is not None]
    if len(columns) < len(runs) or len(runs) < 2:
        return []
    names = sorted(set().union(*columns))
    found = []
    for name in names:
        values = [column.get(name) for column in columns]
        if any(value != values[0] for value in values) and name not in _SKIPPED:
            found.append((name, [_short(value) for value in values]))
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f'{text[:_LONGEST]}…'
