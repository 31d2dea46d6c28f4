"""Find what a config names and is missing or empty; ``data_check`` looks at every sample."""
import os
import tempfile
from multiprocessing.connection import Listener
from typing import Any, Sequence

from mmengine.config import Config

from ...config_walk import leaf_datasets, metrics_of
from ...datasets.json_files import read_json
from ...datasets.shards import is_shards, list_shards
from .secrets import check_secrets

_READ_LIMIT = 2**20  # bytes; nothing larger is empty, and huge files are not read twice


def check_files(cfg: Config, loop: str) -> None:
    """Check the folders and annotation files of a data loader and its metrics.

    Remote data is left alone.
    """
    loader = cfg.get(f'{loop}_dataloader') or {}
    for key, dataset in leaf_datasets(loader.get('dataset', {}), f'{loop}_dataloader.dataset'):
        check_secrets(key, dataset)
        _check_dataset(key, dataset, needs_objects=loop != 'test')
    for key, metric in metrics_of(cfg, loop):
        if metric.get('ann_file'):
            _check_ann_file(f'{key}.ann_file', metric['ann_file'])
    if loader.get('num_workers'):
        _check_sockets(f'{loop}_dataloader')


def _check_sockets(key: str) -> None:
    """Make a socket as data workers do, whose error would be their end, and that of all waiting."""
    try:
        with Listener():
            pass
    except OSError as error:
        raise OSError(f'{key}: data workers cannot talk to this process through sockets in '
                      f'"{tempfile.gettempdir()}" ({error}). Set TMPDIR to a folder with a short '
                      f'name, or {key}.num_workers=0') from None


def lacks_ground_truth(loader: dict) -> bool:
    """Whether the dataset in the config of a data loader has nothing to compare predictions with.

    Such are pictures and clips ``with_label=False``, and COCO files without annotations.
    """
    for _, dataset in leaf_datasets(loader['dataset']):
        path = os.path.join(dataset.get('data_root') or '', dataset.get('ann_file') or '')
        if not dataset.get('with_label', True) or dataset.get('split') == 'test':
            return True
        content = _content(path) if os.path.isfile(path) else None
        if isinstance(content, dict) and content.get('images') and not content.get('annotations'):
            return True
    return False


def _check_dataset(key: str, dataset: dict, needs_objects: bool) -> None:
    root = dataset.get('data_root') or ''
    if dataset.get('backend_args') or '://' in root:
        return
    if root:
        _check_folder(f'{key}.data_root', root)
    # ImageNet-style datasets name their folder by the split
    prefixes = dataset.get('data_prefix') or dataset.get('split') or {}
    prefixes = prefixes if isinstance(prefixes, dict) else {'': prefixes}
    for name, prefix in prefixes.items():
        if isinstance(prefix, str) and prefix:
            _check_folder(f'{key}.data_prefix{name and "."}{name}', os.path.join(root, prefix))
    if dataset.get('ann_file'):
        _check_ann_file(f'{key}.ann_file', os.path.join(root, dataset['ann_file']), needs_objects)


def _check_folder(key: str, path: str) -> None:
    if not os.path.isdir(path):
        raise FileNotFoundError(f'{key}: folder "{path}" does not exist; put the data there or '
                                f'name its place with --cfg-options {key}=...')


def _check_ann_file(key: str, path: str, needs_objects: bool = True) -> None:
    if '://' in path:
        return
    if is_shards(path):
        list_shards(path)
        return
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{key}: annotation file "{path}" does not exist; put it there or '
                                f'name its place with --cfg-options {key}=...')
    if _is_empty(path, ['images', 'data_list'] + ['annotations'] * needs_objects):
        raise ValueError(f'{key}: annotation file "{path}" holds no sample; restore it from the '
                         f'dataset or name another with --cfg-options {key}=...')


def _is_empty(path: str, tables: Sequence[str]) -> bool:
    content = _content(path)
    if isinstance(content, dict):
        return any(content.get(key) == [] for key in tables)
    return not content


def _content(path: str) -> Any:
    """What a small JSON file holds; of a large, blank or other file the start."""
    with open(path, 'rb') as file:
        start = file.read(_READ_LIMIT + 1)
    is_small = start.strip() and len(start) <= _READ_LIMIT
    return read_json(path) if is_small and path.endswith('.json') else start.strip()
