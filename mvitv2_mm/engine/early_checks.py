"""Find missing or empty data before the slow start of a run; ``data_check`` looks at every file."""
import json
import os
from typing import Sequence

from mmengine.config import Config
from mmengine.runner import Runner

from .nested_datasets import leaf_datasets

_READ_LIMIT = 2**20  # bytes; nothing larger is empty, and huge files are not read twice


def check_data(cfg: Config, loops: Sequence[str]) -> None:
    """Check folders and annotation files of a config.

    Remote data is left alone.

    Args:
        cfg (Config): The whole config.
        loops (Sequence[str]): Which of 'train', 'val', 'test' will run.

    Raises:
        FileNotFoundError: Naming the key, the missing path and what to do.
        ValueError: If an annotation file holds no sample.
    """
    for loop in loops:
        loader = cfg.get(f'{loop}_dataloader')
        if loader is not None:
            for key, dataset in leaf_datasets(loader['dataset'], f'{loop}_dataloader.dataset'):
                _check_dataset(key, dataset)
        evaluators = cfg.get(f'{loop}_evaluator') or []
        for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
            if evaluator.get('ann_file'):
                _check_ann_file(f'{loop}_evaluator.ann_file', evaluator['ann_file'])


def check_not_empty(runner: Runner, loops: Sequence[str]) -> None:
    """Build the datasets of a Runner; raise ValueError if one has no sample left.

    Without this check a training on such a dataset crashes inside the libraries or waits forever.
    """
    for loop in loops:
        key = f'{loop}_dataloader'
        if runner.cfg.get(key) is None:
            continue
        try:
            is_empty = len(getattr(runner, key).dataset) == 0
        except ValueError as error:
            # mmengine's datasets pack their samples into one array
            if 'need at least one array' not in str(error):
                raise
            is_empty = True
        if is_empty:
            _, first = next(leaf_datasets(runner.cfg[key].dataset))
            metainfo = str(first.get('metainfo', {}))
            raise ValueError(f'{key}.dataset has no sample: its annotations hold none of the '
                             f'classes in its "metainfo" {metainfo[:200]}, or a filter drops all')


def _check_dataset(key: str, dataset: dict) -> None:
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
        _check_ann_file(f'{key}.ann_file', os.path.join(root, dataset['ann_file']))


def _check_folder(key: str, path: str) -> None:
    if not os.path.isdir(path):
        raise FileNotFoundError(f'{key}: folder "{path}" does not exist; put the data there or '
                                f'name its place with --cfg-options {key}=...')


def _check_ann_file(key: str, path: str) -> None:
    if '://' in path:
        return
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{key}: annotation file "{path}" does not exist; put it there or '
                                f'name its place with --cfg-options {key}=...')
    if _is_empty(path):
        raise ValueError(f'{key}: annotation file "{path}" holds no sample; restore it from the '
                         f'dataset or name another with --cfg-options {key}=...')


def _is_empty(path: str) -> bool:
    if os.path.getsize(path) > _READ_LIMIT:
        return False
    with open(path) as file:
        text = file.read().strip()
    if not text or not path.endswith('.json'):
        return not text
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ValueError(f'"{path}" is not valid JSON: {error}') from error
    if isinstance(content, dict):
        return any(content.get(key) == [] for key in ('images', 'annotations', 'data_list'))
    return not content
