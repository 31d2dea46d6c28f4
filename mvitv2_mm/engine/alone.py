"""Two trainings in one work dir would overwrite each other."""
import logging
import os
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, Union

from filelock import FileLock, Timeout
from mmengine.logging import print_log

from ..files import NO_LOCKS, write_text


@contextmanager
def alone_in(work_dir: Union[str, Path]) -> Iterator[None]:
    """Keep other trainings out of a work dir; the system frees it when this process ends.

    Where the file system has no locks, a warning says so.

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
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        print_log(
            f'{work_dir} is on a file system without locks ({error.strerror}); make sure that no '
            'other training works there', 'current', logging.WARNING)
    try:
        write_text(owner, f'process {os.getpid()} on {socket.gethostname()}')
        yield
    finally:
        with suppress(OSError):  # of a folder that went, which another error tells
            owner.unlink()
        lock.release()
