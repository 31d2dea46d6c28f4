"""Switches repairs on, guards them, and knows what became of each."""
import importlib
import logging
import os
import sys
from functools import partial
from types import ModuleType
from typing import Callable, Dict, List, NamedTuple, Optional, Set

import wrapt

from . import ON_DEMAND, ON_IMPORT
from .stand_ins import is_stand_in, provide_missing
from .versions import NotNeeded

VARIABLE = 'MVITV2_MM_REPAIRS'
ALL = (*ON_IMPORT, *ON_DEMAND)
_logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """What became of a repair: applied, waiting, not needed, stepped aside or switched off."""
    repair: str
    state: str
    detail: str


# repair -> module of the host -> outcome, for those that have met the module
_outcomes: Dict[str, Dict[str, Outcome]] = {}


def switch_on(*names: str) -> None:
    """Switch repairs on, each once per process.

    A repair acts when its host's module is loaded. One that does not fit the host, because the
    version is another or because anything in it fails, logs one warning and leaves the host alone.

    Args:
        *names (str): Names such as 'mmcv.ops'.
    """
    for name in names:
        if name in _outcomes or name in switched_off():
            continue
        _outcomes[name] = {}
        try:
            repair = _module(name)
        except Exception as error:
            _step_aside(name, name, f'{type(error).__name__}: {error}')
            continue
        for target, factory in getattr(repair, 'STAND_INS', {}).items():
            provide_missing(target, partial(_guard, name, factory, target))
        for target, hook in getattr(repair, 'HOOKS', {}).items():
            wrapt.register_post_import_hook(partial(_guard, name, hook, target), target)


def switched_off() -> Set[str]:
    """Names that ``MVITV2_MM_REPAIRS`` switches off: those it lists, or all if it is 'off'."""
    return set(ALL) if 'off' in _listed() else _listed() & set(ALL)


def unknown_names() -> str:
    """One line about what ``MVITV2_MM_REPAIRS`` lists but no repair is called, or ''."""
    unknown = ', '.join(sorted(_listed() - {'off', *ALL}))
    return unknown and (f'{VARIABLE}: there is no repair {unknown}; set it to "off" to switch all '
                        f'repairs off, or list some of {",".join(ALL)}')


def _listed() -> Set[str]:
    return {name.strip() for name in os.environ.get(VARIABLE, '').split(',')} - {''}


def apply() -> None:
    """Switch on the repairs that every user of the hosts needs."""
    if not _outcomes and unknown_names():
        _logger.warning(unknown_names())
    switch_on(*ON_IMPORT)


def report() -> List[Outcome]:
    """What became of every repair so far."""
    return [_outcome(name) for name in ALL]


def _outcome(name: str) -> Outcome:
    if name in switched_off():
        return Outcome(name, 'switched off', f'by {VARIABLE}')
    if name not in _outcomes:
        by = f'for {ON_DEMAND[name]}' if name in ON_DEMAND else 'for "import mvitv2_mm.repairs"'
        return Outcome(name, 'waiting', by)
    found = list(_outcomes[name].values())
    for state in ('stepped aside', 'applied', 'not needed'):
        same = [outcome for outcome in found if outcome.state == state]
        if same:
            return Outcome(name, state, '; '.join(sorted({outcome.detail for outcome in same})))
    return _outlook(name, _module(name))


def _outlook(name: str, repair: ModuleType) -> Outcome:
    """What will become of a repair that has not met its host."""
    targets = [*getattr(repair, 'HOOKS', ()), *getattr(repair, 'STAND_INS', ())]
    for window in repair.WINDOWS:
        if not window.installed():
            return Outcome(name, 'not needed', f'{window.package} is not installed')
        if window.misfit():
            return Outcome(name, 'stepped aside', window.misfit())
    if any(target in sys.modules and not is_stand_in(target) for target in targets):
        return Outcome(name, 'not needed', f'{targets[0]} is there')
    return Outcome(name, 'waiting', f'for the import of {" or ".join(targets)}')


def _module(name: str) -> ModuleType:
    return importlib.import_module(f'.{name}', __package__)


def _guard(name: str, function: Callable, target: str, *args) -> Optional[object]:
    """Call a part of a repair; whatever fails in it is logged, and the host goes on without."""
    try:
        for window in _module(name).WINDOWS:
            if window.misfit():
                return _step_aside(name, target, window.misfit())
        result = function(*(args or (target, )))
    except NotNeeded as reason:
        _outcomes[name][target] = Outcome(name, 'not needed', str(reason))
        return None
    except Exception as error:
        return _step_aside(name, target, f'{type(error).__name__}: {error}')
    _outcomes[name][target] = Outcome(name, 'applied', target)
    return result


def _step_aside(name: str, target: str, reason: str) -> None:
    if all(outcome.state != 'stepped aside' for outcome in _outcomes[name].values()):
        _logger.warning(
            'The repair %s of mvitv2_mm does not fit and steps aside: %s. Nothing else is '
            'affected; %s=%s silences this.', name, reason, VARIABLE, name)
    _outcomes[name][target] = Outcome(name, 'stepped aside', reason)
