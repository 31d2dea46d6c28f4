"""Do the loading steps of a config get out of a picture what its annotation says?"""
import json
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import List, NamedTuple, Optional, Tuple, Union

from mmengine.dataset import Compose
from mmengine.registry import TRANSFORMS

from .media import Image, Item, probe
from .report import DataProblem

_DEFAULTS = dict(
    mmpretrain=[dict(type='mvitv2_mm.LoadImage')], mmdet=[dict(type='LoadImageFromFile')])
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
    for step in dataset.get('pipeline') or _DEFAULTS[host]:
        if not step['type'].split('.')[-1].startswith('Load'):
            break
        steps.append(dict(step))
    return json.dumps([host, steps])


@lru_cache(maxsize=None)
def _build(steps: str) -> Optional[Compose]:
    """The steps, None if their host is not installed."""
    host, steps = json.loads(steps)
    if find_spec(host) is None:
        return None
    import_module(_MODULES[host])
    return Compose([TRANSFORMS.build(dict(step, _scope_=host)) for step in steps])


def look(item: Union[Item, Picture], quick: bool = False) -> List[DataProblem]:
    """Problems of one item; of a picture also those that its loading has; see :func:`probe`."""
    if not isinstance(item, Picture):
        return probe(item, quick)
    problems = probe(Image(item.path), quick)
    load = None if problems or quick else _build(item.steps)
    if load is None:
        return problems
    try:
        results = load(dict(item.info, img_path=item.path))
    except Exception as error:  # as in a training, whatever the cause
        what = f'{type(error).__name__}: {error}'
        return [
            DataProblem('annotation', item.path, f'cannot be loaded as the config says: {what}')
        ]
    return _compare(item, results)


def _compare(item: Picture, results: dict) -> List[DataProblem]:
    stated: Tuple = (item.info.get('height'), item.info.get('width'))
    size = tuple(results['img_shape'])
    if None not in stated and size != stated:
        what = '{} x {} pixels (height x width), annotated as {} x {}'.format(*size, *stated)
        return [DataProblem('annotation', item.path, f'is {what}')]
    wanted = [not obj['ignore_flag'] for obj in item.info.get('instances', ())]
    ignored = results.get('gt_ignore_flags', ())
    lost = sum(want and bool(ignore) for want, ignore in zip(wanted, ignored))
    if lost:
        what = f'{lost} of {sum(wanted)} objects have a mask that the config cannot load'
        return [DataProblem('ignored', item.path, what)]
    return []
