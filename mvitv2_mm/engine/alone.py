"""Two trainings in one work dir would overwrite each other."""
import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

from filelock import FileLock, Timeout

from ..files import write_text


@contextmanager
def alone_in(work_dir: Union[str, Path]) -> Iterator[None]:
    """Keep other trainings out of a work dir; the system frees it when this process ends.

    Raises:
        OSError: If another process is in it.
    """
    lock = FileLock(Path(work_dir, '.lock'))
    owner = Path(work_dir, '.owner')
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = owner.read_text() if owner.is_file() else 'another process'
        raise OSError(f'{work_dir} is in use: {who} is training there. Wait for it, or choose '
                      'another folder with --work-dir') from None
    try:
        write_text(owner, f'process {os.getpid()} on {socket.gethostname()}')
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()
