"""Look at many files in parallel; one that kills or hangs its reader is a problem, not the end."""
import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, TimeoutError, wait
from functools import partial
from itertools import chain, islice
from typing import Callable, Dict, Iterator, List, Sequence

from pebble import ProcessExpired, ProcessPool

from .media import Item
from .report import DataProblem

TIMEOUT = 120.  # seconds for one file
_AHEAD = 8  # files per process that wait for it
_GLANCING, _BATCH = 8, 64  # threads that look whether files are there, and files for each at a time


def probe_all(items: Sequence[Item],
              num_workers: int,
              look: Callable[[Item], List[DataProblem]],
              timeout: float = TIMEOUT) -> Iterator[List[DataProblem]]:
    """Problems of each item, as they come, one list per item.

    Args:
        items (Sequence[Item]): What to read.
        num_workers (int): Number of processes.
        look (Callable): Reads one item.
        timeout (float): Seconds after which a file counts as unreadable. Defaults to 120.
    """
    remaining = iter(items)
    pending: Dict[Future, Item] = {}
    pool = ProcessPool(max(num_workers, 1), initializer=_silence)
    try:
        while True:
            for item in islice(remaining, _AHEAD * max(num_workers, 1) - len(pending)):
                pending[pool.schedule(look, args=[item], timeout=timeout)] = item
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                yield _result(future, pending.pop(future), timeout)
    finally:
        pool.stop()
        pool.join()


def glance_all(items: Sequence[Item],
               look: Callable[..., List[DataProblem]]) -> Iterator[List[DataProblem]]:
    """Problems of each item that show without reading it, one list per item.

    That takes microseconds on a local disk, far less than handing an item to a process, and
    milliseconds on one that is far away, where threads help.

    Args:
        items (Sequence[Item]): What to look at.
        look (Callable): Looks at one item, with ``quick=True``.
    """
    glance = partial(_glance, look)
    with ThreadPoolExecutor(_GLANCING) as pool:
        batches = (items[i:i + _BATCH] for i in range(0, len(items), _BATCH))
        while True:
            some = list(islice(batches, _GLANCING))
            if not some:
                return
            yield from chain.from_iterable(pool.map(glance, some))


def _glance(look: Callable[..., List[DataProblem]], items: Sequence[Item]) -> list:
    return [look(item, quick=True) for item in items]


def _silence() -> None:
    """Decoders may not write over the progress bar."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _result(future: Future, item: Item, timeout: float) -> List[DataProblem]:
    try:
        return future.result()
    except TimeoutError:
        what = f'takes more than {timeout:g} s'
    except ProcessExpired as error:
        what = f'ends the process (exit code {error.exitcode})'
    return [DataProblem('unreadable', item.path, f'reading it {what}')]
