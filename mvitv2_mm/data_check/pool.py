"""Look at many files in parallel; one that kills or hangs its reader is a problem, not the end.

A pool of the standard library does not say which task its dead worker was at. Here every worker
holds one file at a time, so the culprit is known.
"""
import multiprocessing
import os
import time
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Callable, Iterator, List, Optional, Sequence

from .media import Item, probe
from .report import DataProblem

Look = Callable[[Item], List[DataProblem]]
TIMEOUT = 120.  # seconds for one file


def _work(connection: Connection, look: Look) -> None:
    """Answer items until the other side closes. Decoders may not write over the progress bar."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        while True:
            connection.send(look(connection.recv()))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass


class _Worker:
    """A process and the file it is at."""

    def __init__(self, look: Look) -> None:
        self.connection, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_work, args=(other, look), daemon=True)
        self.process.start()
        other.close()  # else the death of the process would not be noticed
        self.item: Optional[Item] = None
        self.deadline = 0.

    def start(self, item: Item, timeout: float) -> None:
        self.item, self.deadline = item, time.monotonic() + timeout
        self.connection.send(item)

    def finish(self) -> Optional[List[DataProblem]]:
        """Problems of the file, None if the process died of it."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionError):
            return None

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def probe_all(items: Sequence[Item],
              num_workers: int,
              quick: bool = False,
              timeout: float = TIMEOUT,
              look: Optional[Look] = None) -> Iterator[List[DataProblem]]:
    """Problems of each item, as they come, one list per item.

    Args:
        items (Sequence[Item]): What to read.
        num_workers (int): Number of processes.
        quick (bool): See :func:`probe`. Defaults to False.
        timeout (float): Seconds after which a file counts as unreadable. Defaults to 120.
        look (Callable, optional): Reads one item. Defaults to :func:`probe`.
    """
    look = look or partial(probe, quick=quick)
    remaining = iter(items)
    workers = [_Worker(look) for _ in range(max(min(num_workers, len(items)), 1))]
    try:
        busy = [worker for worker in workers if _feed(worker, remaining, timeout)]
        while busy:
            ready = wait([worker.connection for worker in busy], timeout=1.)
            for worker in [w for w in busy if w.connection in ready or w.deadline < _now()]:
                answer = worker.finish() if worker.connection in ready else None
                busy.remove(worker)
                if answer is None:
                    answer = [_culprit(worker, timeout)]
                    workers.remove(worker)
                    worker.stop()
                    worker = _Worker(look)
                    workers.append(worker)
                if _feed(worker, remaining, timeout):
                    busy.append(worker)
                yield answer
    finally:
        for worker in workers:
            worker.stop()


def _now() -> float:
    return time.monotonic()


def _feed(worker: _Worker, remaining: Iterator[Item], timeout: float) -> bool:
    """Give a worker its next file, if there is one."""
    item = next(remaining, None)
    if item is not None:
        worker.start(item, timeout)
    return item is not None


def _culprit(worker: _Worker, timeout: float) -> DataProblem:
    what = f'takes more than {timeout:g} s'
    if worker.deadline >= _now():
        worker.process.join(5)
        what = f'ends the process (exit code {worker.process.exitcode})'
    return DataProblem('unreadable', worker.item.path, f'reading it {what}')
