"""Look at many files in parallel; one that kills or hangs its reader is a problem, not the end."""
import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, TimeoutError, wait
from functools import partial
from itertools import chain, islice
from typing import Callable, Dict, Iterator, List, Sequence

from pebble import ProcessExpired, ProcessPool

from .media import Item
from .report import DataProblem

TIMEOUT = 120.  # seconds for one file
_AHEAD = 4  # batches per process that wait for it
_SECONDS = 0.1  # after which a process gives back what it has done of a batch
_BATCH = 64  # files that are handed out at a time
_GLANCING = 8  # threads that look whether files are there

Look = Callable[..., List[DataProblem]]
Items = Sequence[Item]


def probe_all(items: Items,
              num_workers: int,
              look: Look,
              timeout: float = TIMEOUT) -> Iterator[List[DataProblem]]:
    """Problems of each item, as they come, one list per item.

    Handing an item to a process costs as much as reading a small picture. So a process gets several
    at a time, and gives back those that it has not come to in a moment. All of a batch are handed
    out again, each alone, if one of them ends the process or takes too long.

    Args:
        items (Sequence[Item]): What to read.
        num_workers (int): Number of processes.
        look (Callable): Reads one item.
        timeout (float): Seconds after which a file counts as unreadable. Defaults to 120.
    """
    fresh = _batches(items)
    again: List[Items] = []
    pending: Dict[Future, Items] = {}
    pool = ProcessPool(max(num_workers, 1), initializer=_silence)
    try:
        while True:
            while len(pending) < _AHEAD * max(num_workers, 1):
                batch = again.pop() if again else next(fresh, None)
                if batch is None:
                    break
                pending[pool.schedule(_look_at, args=[look, batch], timeout=timeout)] = batch
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                batch = pending.pop(future)
                results = _results(future, batch, timeout)
                yield from results
                again += _parts(batch, len(results))
    finally:
        pool.stop()
        pool.join()


def glance_all(items: Items, look: Look) -> Iterator[List[DataProblem]]:
    """Problems of each item that show without reading it, one list per item.

    That takes microseconds on a local disk, far less than handing an item to a process, and
    milliseconds on one that is far away, where threads help.

    Args:
        items (Sequence[Item]): What to look at.
        look (Callable): Looks at one item, with ``quick=True``.
    """
    glance = partial(_glance, look)
    with ThreadPoolExecutor(_GLANCING) as pool:
        batches = _batches(items)
        while True:
            some = list(islice(batches, _GLANCING))
            if not some:
                return
            yield from chain.from_iterable(pool.map(glance, some))


def _batches(items: Items) -> Iterator[Items]:
    return (items[i:i + _BATCH] for i in range(0, len(items), _BATCH))


def _glance(look: Look, items: Items) -> list:
    return [look(item, quick=True) for item in items]


def _look_at(look: Look, items: Items) -> list:
    """Problems of the first item, and of as many more as there is time for."""
    end, results = time.monotonic() + _SECONDS, []
    for item in items:
        results.append(look(item))
        if time.monotonic() > end:
            break
    return results


def _silence() -> None:
    """Decoders may not write over the progress bar."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _results(future: Future, batch: Items, timeout: float) -> List[List[DataProblem]]:
    """What is known of the first items of a batch; nothing if it is not known which one is bad."""
    try:
        return future.result()
    except TimeoutError:
        what = f'takes more than {timeout:g} s'
    except ProcessExpired as error:
        what = f'ends the process (exit code {error.exitcode})'
    return [[DataProblem('unreadable', batch[0].path, f'reading it {what}')]][:len(batch) == 1]


def _parts(batch: Items, num_done: int) -> List[Items]:
    """What is left of a batch: the rest, or, if none was read, every item alone."""
    rest = batch[num_done:]
    return [rest] * bool(rest) if num_done else [[item] for item in rest]
