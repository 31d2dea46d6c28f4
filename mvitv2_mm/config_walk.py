"""Configs as they are written, and ways through what they nest."""
import inspect
from typing import Any, Iterator, Tuple

from mmengine.config import Config, ConfigDict


def dicts_in(node: Any) -> Iterator[dict]:
    """All dicts in a part of a config, each before those that it holds.

    What is changed in a dict before the next one is asked for is seen.
    """
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    for part in node if isinstance(node, (list, tuple)) else ():
        yield from dicts_in(part)


def flat(node: dict, prefix: str = '') -> Iterator[Tuple[str, Any]]:
    """Dotted keys and values of nested dicts."""
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


def leaf_datasets(dataset: ConfigDict, key: str = 'dataset') -> Iterator[Tuple[str, ConfigDict]]:
    """The datasets inside wrappers such as RepeatDataset and inside concatenations, in order.

    Args:
        dataset (ConfigDict): Config of a dataset, such as ``train_dataloader.dataset``.
        key (str): Where it is in the whole config. Defaults to 'dataset'.

    Yields:
        tuple[str, ConfigDict]: Key and config of a dataset that holds no other; the latter is part
        of the config, not a copy.
    """
    if 'dataset' in dataset:
        yield from leaf_datasets(dataset['dataset'], f'{key}.dataset')
    elif 'datasets' in dataset:
        for i, part in enumerate(dataset['datasets']):
            yield from leaf_datasets(part, f'{key}.datasets.{i}')
    else:
        yield key, dataset


def metrics_of(cfg: Config, loop: str) -> Iterator[Tuple[str, dict]]:
    """Key and config of each metric of a loop, 'val' or 'test'."""
    key = f'{loop}_evaluator'
    found = cfg.get(key) or []
    if isinstance(found, (list, tuple)):
        yield from ((f'{key}.{i}', metric) for i, metric in enumerate(found))
    else:
        yield key, found


def read_config(path: str, **kwargs: Any) -> Config:
    """``Config.fromfile`` as mmengine has it: classes that a config leaves open stay so.

    Args:
        path (str): Path of a config.
        **kwargs: See ``Config.fromfile``.
    """
    return inspect.unwrap(Config.fromfile)(path, **kwargs)
