"""Batches that can be made, and metrics that can be computed, before the slow start of a run."""
import re
import time
from contextlib import contextmanager
from traceback import walk_tb
from typing import Iterator, Sequence, Tuple

from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.runner import Runner
from torch import nn

from ..checkpoints.loading import find_backbone
from ..datasets.unreadable import TIME_LIMIT
from .nested_datasets import leaf_datasets
from .unreadable import watched_datasets

_PATIENCE = 600  # seconds
_MOMENT = 5  # seconds, between the end of what a worker sends and its own end


def check_loaders(cfg: Config, loops: Sequence[str]) -> None:
    """Raise ValueError where the parts of a config that make batches and metrics do not agree.

    Args:
        cfg (Config): The whole config.
        loops (Sequence[str]): Which of 'train', 'val', 'test' will run.
    """
    for loop in loops:
        loader = cfg.get(f'{loop}_dataloader')
        if loader is not None:
            _check_repeats(f'{loop}_dataloader', loader)
        for key, metric in _metrics(cfg, f'{loop}_evaluator'):
            num_classes = cfg.model.get('head', {}).get('num_classes')
            topk = metric.get('topk', 1)
            topk = max(topk) if isinstance(topk, (list, tuple)) else topk
            if metric.type.endswith('Accuracy') and num_classes and topk > num_classes:
                raise ValueError(f'{key}.topk asks for the best {topk} of {num_classes} classes; '
                                 f'add --cfg-options "{key}.topk=(1,)"')


class LoaderError(OSError):
    """A data worker has died, or does not deliver."""


def limit_waiting(cfg: Config, loops: Sequence[str]) -> None:
    """Let a run end that would wait for ever for a data worker.

    A worker that finds no shared memory, or hangs in a decoder, says nothing to the training.

    Args:
        cfg (Config): The whole config; ``timeout`` of the data loaders is set unless it is there.
        loops (Sequence[str]): Which of 'train', 'val', 'test' will run.
    """
    for loop in loops:
        loader = cfg.get(f'{loop}_dataloader')
        if loader is not None and loader.get('num_workers'):
            limits = [
                data.get('time_limit', TIME_LIMIT)
                for _, data in leaf_datasets(loader.get('dataset', {}))
            ]
            loader.setdefault('timeout', max(_PATIENCE, 2 * max(limits)))


@contextmanager
def explained_workers(runner: Runner) -> Iterator[None]:
    """Turn the errors with which PyTorch reports a lost data worker into a :class:`LoaderError`.

    Args:
        runner (Runner): Whose loaders are used; the error names the samples that the worker held.
    """
    try:
        yield
    except Exception as error:
        try:
            text = _describe_loss(error)
        except RuntimeError as report:  # of PyTorch, wherever this process is when a worker ends
            text = _one_line(report)
        if not text:
            raise
        raise LoaderError(
            f'{text}. A data worker hangs or was killed{_name_samples(text, runner)}. If a file is '
            'named again and again, repair or remove it. If shared memory is short (a container '
            'has 64 MB of it by default), give it more (docker run --shm-size=8g). num_workers=0 '
            'of the data loader shows the error of a worker itself, and timeout=SECONDS waits '
            f'longer than {_PATIENCE} s for a batch') from error


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split()).rstrip('.') or type(error).__name__


def _describe_loss(error: Exception) -> str:
    """What PyTorch says of a lost data worker; empty if an error is another one."""
    text = _one_line(error)
    if text.startswith(('DataLoader ', 'Pin memory thread ')):
        return text
    functions = {frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)}
    if '_try_get_data' not in functions or 'ulimit' in text:  # which has its own remedy
        return ''
    time.sleep(_MOMENT)  # PyTorch did not see yet that the worker ends, but will say so
    return text


def _name_samples(text: str, runner: Runner) -> str:
    """The samples that dead workers read last, or else those that all workers are reading."""
    loops = (getattr(runner, f'_{loop}_loop', None) for loop in ('train', 'val', 'test'))
    loaders = [loop.dataloader for loop in loops if hasattr(loop, 'dataloader')]
    held = [
        each for loader in loaders for dataset in watched_datasets(loader.dataset)
        for each in dataset.held()
    ]
    dead = set(map(int, re.findall(r'\d+', text))) if 'pid' in text else ()
    read = [path for path, what in held if what.process in dead
            ] or [f'{path} for {what.seconds:.0f} s' for path, what in held if what.seconds]
    return f' while it read {", ".join(read)}'[:1000] if read else ''


def check_batches(runner: Runner) -> None:
    """Raise ValueError if the samples of a training are too few for one batch."""
    loader = runner.train_dataloader
    sampler = getattr(loader.sampler, 'sampler', loader.sampler)
    if isinstance(sampler, InfiniteSampler) or len(loader):
        return
    num, batch = len(loader.sampler), runner.cfg.train_dataloader.get('batch_size')
    raise ValueError(f'train_dataloader: {num} samples for each process do not fill a batch of '
                     f'{batch}; add --cfg-options train_dataloader.batch_size={max(num, 1)}')


def check_channels(model: nn.Module) -> None:
    """Raise ValueError if what follows the MViTv2 of a model takes other channels than it gives."""
    found = find_backbone(model) if isinstance(model, nn.Module) else None  # built later
    if found is None or found[0] != 'backbone.':
        return
    _, backbone, model = found
    parts = dict(model.named_modules())
    for name in ('neck', 'head', 'cls_head', 'roi_head.bbox_head'):
        taken = getattr(parts.get(name), 'in_channels', None)
        if taken is None:
            continue
        given = list(backbone.out_channels)
        given = given if isinstance(taken, (list, tuple)) else given[-1]
        if taken not in (given, backbone.out_channels):
            raise ValueError(
                f'model.{name} takes {taken} channels, but the backbone gives {given}; '
                f'add --cfg-options "model.{name}.in_channels={given}"')
        return


def _metrics(cfg: Config, key: str) -> Iterator[Tuple[str, dict]]:
    evaluator = cfg.get(key) or []
    if isinstance(evaluator, dict):
        yield key, evaluator
    else:
        yield from ((f'{key}.{i}', metric) for i, metric in enumerate(evaluator))


def _check_repeats(key: str, loader: dict) -> None:
    collate = loader.get('collate_fn') or dict(type='pseudo_collate')
    flattens = str(collate['type']).endswith('repeat_pseudo_collate')
    for path, dataset in leaf_datasets(loader['dataset'], f'{key}.dataset'):
        if not str(dataset.get('type')).endswith('ClipDataset'):
            continue
        repeats = dataset.get('num_repeats', 1)
        if (repeats > 1) != flattens:
            wanted = 'repeat_pseudo_collate' if repeats > 1 else 'pseudo_collate'
            raise ValueError(f'{path}.num_repeats={repeats} gives '
                             f'{"several clips" if repeats > 1 else "one clip"} per video, which '
                             f'{collate["type"]} cannot put into a batch; add --cfg-options '
                             f'{key}.collate_fn.type={wanted}')
