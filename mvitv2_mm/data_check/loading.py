"""Do the loading steps of a config get out of a picture what its annotation says?"""
import json
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Callable, List, NamedTuple, Sequence, Union

from mmengine.registry import TRANSFORMS

from ..datasets.load_image import LoadImage
from ..datasets.unreadable import UnreadableError, load, size_fault
from .media import Item, file_problems, probe
from .report import DataProblem

_DEFAULT = [dict(type='mvitv2_mm.LoadImage')]
_MODULES = dict(mmpretrain='mmpretrain.datasets', mmdet='mvitv2_mm.datasets.mmdet.load_objects')


class Picture(NamedTuple):
    """A picture, what its dataset hands to the pipeline, and the steps that load it."""
    path: str
    info: dict
    steps: str


def loading_steps(dataset: dict, host: str) -> str:
    """The first steps of a dataset's pipeline, those that load, as JSON with their host.

    Args:
        dataset (dict): Config of the dataset.
        host (str): Library whose steps have no scope, 'mmpretrain' or 'mmdet'.
    """
    steps = []
    for step in dataset.get('pipeline') or _DEFAULT:
        if not step['type'].split('.')[-1].startswith('Load'):
            break
        steps.append(dict(step))
    return json.dumps([host, steps or _DEFAULT])


@lru_cache(maxsize=None)
def _build(steps: str) -> List[Callable]:
    """The steps; our own reading alone if their host is not installed."""
    host, steps = json.loads(steps)
    if find_spec(host) is None:
        return [LoadImage()]
    import_module(_MODULES[host])
    return [TRANSFORMS.build(dict(step, _scope_=host)) for step in steps]


def prepare(items: Sequence[Union[Item, Picture]]) -> None:
    """Import what :func:`look` needs for the items of a split, for all processes that fork."""
    if items and isinstance(items[0], Picture):
        _build(items[0].steps)


def look(item: Union[Item, Picture], quick: bool = False) -> List[DataProblem]:
    """Problems of one item; a picture is read as the dataset does; see :func:`probe`."""
    if not isinstance(item, Picture):
        return probe(item, quick)
    problems = file_problems(item.path)
    if problems or quick:
        return problems
    read, *others = _build(item.steps)
    try:
        results = load(read, dict(item.info, img_path=item.path))
    except UnreadableError as error:
        return [DataProblem('unreadable', item.path, _without_path(error, item.path))]
    fault = size_fault(results)
    if fault:
        return [DataProblem('annotation', item.path, fault)]
    try:
        for step in others:
            results = load(step, results)
    except UnreadableError as error:
        what = _without_path(error, item.path)
        return [
            DataProblem('annotation', item.path, f'cannot be loaded as the config says: {what}')
        ]
    return _compare(item, results)


def _without_path(error: Exception, path: str) -> str:
    return str(error).removeprefix(path).lstrip(': ')


def _compare(item: Picture, results: dict) -> List[DataProblem]:
    wanted = [not obj['ignore_flag'] for obj in item.info.get('instances', ())]
    ignored = results.get('gt_ignore_flags', ())
    lost = sum(want and bool(ignore) for want, ignore in zip(wanted, ignored))
    if lost:
        what = f'{lost} of {sum(wanted)} objects have a mask that the config cannot load'
        return [DataProblem('ignored', item.path, what)]
    return []
