"""What the page is asked to do, one after the other, because there is one network."""
import secrets
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable, Dict, Optional

from ..inference.reading import one_line

UPLOADING, WAITING, RUNNING = 'uploading', 'waiting', 'running'
DONE, FAILED, CANCELLED = 'done', 'failed', 'cancelled'
_OPEN = (UPLOADING, WAITING, RUNNING)


class Cancelled(Exception):
    """Ends the work of a job that nobody wants any more."""


class Busy(Exception):
    """As many jobs are open as the page takes."""


@dataclass
class Job:
    """Something to do, and how far it is.

    Attributes:
        key (str): Its name in addresses, which nobody can guess.
        folder (Path): Holds its files; it is removed with the job.
        work (Callable, optional): Does it, given the job; returns what the page shows.
        about (Any): What it is about.
        state (str): One of the constants of this module.
        progress (float, optional): Share that is done, None if that cannot be told.
        result (dict, optional): What ``work`` returned.
        error (str, optional): Why it failed, in one line.
    """
    key: str
    folder: Path
    work: Optional[Callable[['Job'], dict]] = None
    about: Any = None
    state: str = UPLOADING
    progress: Optional[float] = None
    result: Optional[dict] = None
    error: Optional[str] = None
    _is_cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Stop as soon as :meth:`check` is called."""
        self._is_cancelled.set()

    def check(self) -> None:
        """Raise :class:`Cancelled` if nobody wants this job any more."""
        if self._is_cancelled.is_set():
            raise Cancelled

    def run(self) -> None:
        """Do the work; whatever goes wrong is told in ``state`` and ``error``."""
        try:
            self.check()
            self.state = RUNNING
            self.result = self.work(self)
            self.check()
            self.state = DONE
        except Cancelled:
            self.state = CANCELLED
        except Exception as error:  # of a file that cannot be predicted; the next one is
            self.error = one_line(error)
            self.state = FAILED


class Jobs:
    """Runs jobs in the order in which they come, in a thread of its own.

    Args:
        folder (Path): Where each job gets a folder.
        max_open (int): Jobs that may wait and run at a time. Defaults to 8.
        max_kept (int): Jobs that are remembered; the oldest that is over is forgotten first.
            Defaults to 24.
    """

    def __init__(self, folder: Path, max_open: int = 8, max_kept: int = 24) -> None:
        self._folder, self._max_open, self._max_kept = folder, max_open, max_kept
        self._jobs: Dict[str, Job] = {}
        self._queue: SimpleQueue = SimpleQueue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def open(self) -> Job:
        """A new job, whose files are still to come; see :meth:`start`.

        Raises:
            Busy: If too many jobs are open.
        """
        with self._lock:
            num_open = sum(job.state in _OPEN for job in self._jobs.values())
            if num_open >= self._max_open:
                raise Busy(f'{num_open} files are waiting already; try again when some are done')
            key = secrets.token_urlsafe(12)
            job = self._jobs[key] = Job(key, self._folder / key)
            job.folder.mkdir()
            over = [old for old in self._jobs.values() if old.state not in _OPEN]
            for old in over[:max(0, len(self._jobs) - self._max_kept)]:
                self._forget(old)
        return job

    def start(self, job: Job, work: Callable[[Job], dict], about: Any = None) -> None:
        """Have a job done when its turn comes."""
        job.work, job.about, job.state = work, about, WAITING
        self._queue.put(job)

    def __getitem__(self, key: str) -> Job:
        return self._jobs[key]

    def num_before(self, job: Job) -> int:
        """How many jobs come before one that waits."""
        jobs = list(self._jobs.values())
        return sum(other.state in (WAITING, RUNNING) for other in jobs[:jobs.index(job)])

    def remove(self, job: Job) -> None:
        """Cancel a job that is not over, and forget it."""
        job.cancel()
        with self._lock:
            if job.state != RUNNING:  # else when its work has ended
                self._forget(job)

    def close(self) -> None:
        """Cancel all jobs and end the thread."""
        for job in list(self._jobs.values()):
            self.remove(job)
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        for job in iter(self._queue.get, None):
            job.run()
            if job.state == CANCELLED:
                with self._lock:
                    self._forget(job)

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.key, None)
        shutil.rmtree(job.folder, ignore_errors=True)
