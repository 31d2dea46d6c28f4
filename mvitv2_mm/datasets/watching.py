"""Which sample each data worker reads, and the end of its patience with it."""
import os
import signal
import threading
import time
from contextlib import contextmanager
from functools import lru_cache
from typing import Callable, Iterator, List, NamedTuple, NoReturn

import torch
from torch.utils.data import get_worker_info

_SLOTS = 256  # more workers than a loader has
_AGAIN = 1.  # seconds until code that passed over an interruption is interrupted again


class Held(NamedTuple):
    """The sample that a process reads, or read last.

    Attributes:
        process (int): Its id.
        sample (int): Index of the sample.
        seconds (float): For how long it has been reading, 0 if it is done.
    """
    process: int
    sample: int
    seconds: float


class Watch:
    """Samples in the hands of data workers, in memory that they share with the training."""

    def __init__(self) -> None:
        # process, sample, and the time at which it began or 0, of each worker
        self._slots = torch.zeros(_SLOTS, 3, dtype=torch.float64).share_memory_()

    @contextmanager
    def reading(self, sample: int) -> Iterator[None]:
        """Note that this worker reads a sample, as long as the context lasts."""
        worker = get_worker_info()
        if worker:
            _heed_only_the_training()
        slot = self._slots[worker.id % _SLOTS if worker else 0]
        slot[:] = torch.tensor([os.getpid(), sample, time.monotonic()], dtype=torch.float64)
        try:
            yield
        finally:
            slot[2] = 0

    def held(self) -> List[Held]:
        """The sample of each worker that there was."""
        now = time.monotonic()
        return [
            Held(int(process), int(sample), now - since if since else 0.)
            for process, sample, since in self._slots.tolist() if process
        ]


@lru_cache(maxsize=None)  # once in each worker
def _heed_only_the_training() -> None:
    """Let SIGTERM end this data worker only where the training sends it.

    Who ends a job, as slurm and systemd do, sends it to all processes; but the training still needs
    a batch to finish its step and save itself.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    threading.Thread(target=_await_end, daemon=True).start()


def _await_end() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != os.getppid():
        pass
    os._exit(0)


@contextmanager
def time_limit(seconds: float, error: Callable[[], Exception]) -> Iterator[None]:
    """Raise an error in what a context runs, where it has not ended after some seconds.

    A decoder without Python is interrupted where it comes back to Python, and a read that the
    system does not interrupt is not. There is no limit outside of the main thread.

    Args:
        seconds (float): The limit; 0 for none.
        error (Callable): Makes the error.
    """

    def interrupt(*_) -> NoReturn:
        raise error()

    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:  # also if that was interrupted
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
