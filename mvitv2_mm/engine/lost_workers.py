"""A data worker that is lost or hangs ends a run with an error that says so."""
import re
import time
from contextlib import contextmanager
from traceback import walk_tb
from typing import Iterator, Sequence

from mmengine.config import Config
from mmengine.runner import Runner

from ..config_walk import leaf_datasets
from ..datasets.unreadable import TIME_LIMIT
from .unreadable import watched_datasets

_PATIENCE = 600  # seconds
_MOMENT = 5  # seconds, between the end of what a worker sends and its own end


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
