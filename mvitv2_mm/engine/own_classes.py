"""Configs for one's own data leave the classes open; they are read when a run starts."""
import os
from typing import List, Optional, Tuple

from mmengine.config import Config
from mmengine.logging import print_log

from ..config_walk import dicts_in, leaf_datasets
from ..datasets.class_folders import class_names
from ..datasets.coco_categories import read_categories
from ..datasets.json_files import entry_fault
from ..datasets.mmaction.annotations import count_actions
from .checks import check_config

_COUNTS = ('num_classes', 'num_actions')
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def fit_classes(cfg: Config) -> None:
    """Fill in the classes of the training data where a config says None for their number.

    All of ``num_classes`` and ``num_actions`` that are None get the number, and the datasets get
    the names, so that training, validation and test number them in the same way. Configs that say
    a number stay as they are.

    Args:
        cfg (Config): The whole config; it is changed.

    Raises:
        FileNotFoundError: If the training data does not exist.
        ValueError: If the data does not name its classes.
    """
    sections = [cfg.get(name) for name in ('model', *_LOADERS)]
    counts = [(node, key) for node in dicts_in(sections) for key in _COUNTS
              if key in node and node[key] is None]
    if not counts:
        return
    check_config(cfg, ['train'])
    _, train = next(leaf_datasets(cfg.train_dataloader.dataset, 'train_dataloader.dataset'))
    number, names, place = _read_classes(train)
    if not number:
        raise ValueError(f'{place} names no classes; add --cfg-options num_classes=...')
    for node, key in counts:
        node[key] = number
    for loader in filter(cfg.get, _LOADERS if names else ()):
        for _, dataset in leaf_datasets(cfg[loader].dataset):
            dataset.metainfo = {'classes': names, **(dataset.get('metainfo') or {})}
    text = f': {", ".join(names)}'[:200] if names else ''
    print_log(f'The model gets the {number} classes of {place}{text}', 'current')


def _read_classes(dataset: dict) -> Tuple[int, Optional[List[str]], str]:
    """Number and names of the classes of a dataset, and the place that says so."""
    root = dataset.get('data_root') or ''
    place = os.path.join(root, dataset.get('ann_file') or '')
    if str(dataset.type).endswith('AVADataset'):
        return count_actions(place), None, place
    stated = (dataset.get('metainfo') or {}).get('classes')
    if stated:
        return len(stated), list(stated), f'"metainfo.classes" of {place}'
    if place.endswith('.json'):
        names = _category_names(place)
        return len(names), names, place
    if dataset.get('ann_file'):
        return 0, None, place
    prefix = dataset.get('data_prefix') or ''
    prefix = prefix if isinstance(prefix, str) else next(iter(prefix.values()))
    folder = os.path.join(root, prefix)
    names = class_names(folder)
    return len(names), names, folder


def _category_names(path: str) -> List[str]:
    categories = read_categories(path)
    for number, category in enumerate(categories):
        fault = entry_fault(category, dict(name=(str, )))
        if fault:
            raise ValueError(f'{path}, categories[{number}]: {fault}')
    return [category['name'] for category in categories]
