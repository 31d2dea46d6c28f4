"""Find missing or empty data before the slow start of a run; ``data_check`` looks at every file."""
import os
import tempfile
from multiprocessing.connection import Listener
from typing import Any, Optional, Sequence, Sized

from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from torch import Tensor

from ..checkpoints.tasks import count_classes
from ..datasets.json_files import read_json
from ..datasets.listed import ListedSamples
from ..datasets.shards import is_shards, list_shards
from .nested_datasets import leaf_datasets
from .secrets import check_secrets

_READ_LIMIT = 2**20  # bytes; nothing larger is empty, and huge files are not read twice


def check_data(cfg: Config, loops: Sequence[str]) -> None:
    """Check folders and annotation files of a config.

    Remote data is left alone.

    Args:
        cfg (Config): The whole config.
        loops (Sequence[str]): Which of 'train', 'val', 'test' will run.

    Raises:
        FileNotFoundError: Naming the key, the missing path and what to do.
        OSError: If data workers could not send batches.
        ValueError: If an annotation file holds no sample, or the config a password.
    """
    for loop in loops:
        loader = cfg.get(f'{loop}_dataloader')
        if loader is not None:
            for key, dataset in leaf_datasets(loader['dataset'], f'{loop}_dataloader.dataset'):
                check_secrets(key, dataset)
                _check_dataset(key, dataset, needs_objects=loop != 'test')
        evaluators = cfg.get(f'{loop}_evaluator') or []
        for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
            if evaluator.get('ann_file'):
                _check_ann_file(f'{loop}_evaluator.ann_file', evaluator['ann_file'])
        if loader is not None and loader.get('num_workers'):
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


def check_datasets(runner: Runner, loops: Sequence[str]) -> None:
    """Build the datasets and metrics of a Runner, and see whether they fit its model.

    Args:
        runner (Runner): The runner.
        loops (Sequence[str]): Which of 'train', 'val', 'test' will run.

    Raises:
        ValueError: If a dataset has no sample left, on which a training would crash inside the
            libraries or wait forever; if its labels are not among the model's classes; or if the
            datasets number their classes differently.
    """
    names = {}
    for loop in loops:
        key = f'{loop}_dataloader'
        if runner.cfg.get(key) is None:
            continue
        dataset = _build_dataset(runner, key)
        classes = getattr(dataset, 'metainfo', {}).get('classes')
        if classes:
            names[key] = list(classes)
        _check_labels(f'{key}.dataset', dataset, classes, runner.cfg.model)
        if loop != 'train':
            getattr(runner, f'{loop}_loop')  # builds the metrics
    (first, wanted), *others = list(names.items()) or [('', [])]
    for key, classes in others:
        if classes != wanted:
            different = sorted(set(classes) ^ set(wanted)) or 'only their order'
            raise ValueError(f'{key}.dataset has other classes than {first}.dataset; different: '
                             f'{str(different)[:200]}. Set "metainfo.classes" of both to the same')


def _build_dataset(runner: Runner, key: str) -> Sized:
    try:
        dataset = getattr(runner, key).dataset
        if len(dataset):
            return dataset
    except ValueError as error:
        # mmengine's datasets pack their samples into one array
        if 'need at least one array' not in str(error):
            raise
    _, first = next(leaf_datasets(runner.cfg[key].dataset))
    metainfo = str(first.get('metainfo', {}))
    raise ValueError(f'{key}.dataset has no sample: its annotations hold none of the '
                     f'classes in its "metainfo" {metainfo[:200]}, or a filter drops all')


def _check_labels(key: str, dataset: Sized, classes: Optional[Sequence[str]],
                  model: ConfigDict) -> None:
    """See whether the model has the classes of a dataset."""
    num_classes = count_classes(model)
    if num_classes is None:
        return
    is_detector = model.get('module', model).get('roi_head') is not None
    if classes and (len(classes) > num_classes or is_detector and len(classes) != num_classes):
        raise ValueError(f'{key} has {len(classes)} classes, but the head of the model '
                         f'{num_classes}; set "num_classes" of the head')
    is_known = is_detector or classes and getattr(dataset, 'has_checked_labels', False)
    if isinstance(dataset, ListedSamples):
        is_known = is_known or dataset.has_labels_below(num_classes)
    for i in range(0 if is_known else len(dataset)):
        info = dataset.get_data_info(i)
        label = info.get('gt_label', info.get('label'))
        if isinstance(label, Tensor):
            return _check_several(key, label, num_classes, model)
        if label is None:
            return
        if not 0 <= label < num_classes:
            where = info.get('img_path') or info.get('filename') or info.get('frame_dir')
            raise ValueError(f'{key}: label {label} of {where} is outside of 0..{num_classes - 1}, '
                             'the classes of the model; labels count from 0')


def _check_several(key: str, label: Tensor, num_classes: int, model: ConfigDict) -> None:
    if len(label) != num_classes:
        raise ValueError(f'{key} has {len(label)} classes, but the head of the model {num_classes}')
    head = model.get('module', model).get('cls_head', {})
    if not head.get('multi_class'):
        raise ValueError(f'{key} has several labels per clip; set multi_class=True, '
                         'loss_cls=dict(type="BCELossWithLogits"), label_smooth_eps=0 and '
                         'average_clips="score" in "cls_head"')


def lacks_ground_truth(loader: dict) -> bool:
    """Whether the dataset in the config of a data loader has nothing to compare predictions with.

    Such are pictures and clips ``with_label=False``, and COCO files without annotations.
    """
    for _, dataset in leaf_datasets(loader['dataset']):
        path = os.path.join(dataset.get('data_root') or '', dataset.get('ann_file') or '')
        if not dataset.get('with_label', True) or dataset.get('split') == 'test':
            return True
        if path.endswith('.json') and os.path.isfile(path) and os.path.getsize(path) < _READ_LIMIT:
            content = _read_json(path)
            if isinstance(content,
                          dict) and content.get('images') and not content.get('annotations'):
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
    if os.path.getsize(path) > _READ_LIMIT:
        return False
    if not path.endswith('.json'):
        with open(path, 'rb') as file:
            return not file.read().strip()
    content = _read_json(path)
    if isinstance(content, dict):
        return any(content.get(key) == [] for key in tables)
    return not content


def _read_json(path: str) -> Any:
    """Content of a file, None if it is blank."""
    with open(path, 'rb') as file:
        if not file.read().strip():
            return None
    return read_json(path)
