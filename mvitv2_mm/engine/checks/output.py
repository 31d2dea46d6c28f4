"""Can the results of a run be written?"""
import errno
import os
import tempfile

from ...errors import UsageError
from ...files import DiskFull, full_disk_named


def check_work_dir(path: str) -> None:
    """Make the folder of a run, and see whether it can be written to.

    Raises:
        OSError: If not, naming the reason.
    """
    try:
        os.makedirs(path, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OSError(f'work_dir: "{path}" cannot be written to ({error.strerror}); choose another '
                      'folder with --work-dir') from None


def check_output(option: str, path: str, *endings: str) -> None:
    """Make sure, before a long run, that its results can be written.

    Raises:
        OSError: If the folder cannot be written to.
        UsageError: If the path ends in none of the ways that are given.
    """
    if endings and not path.endswith(endings):
        raise UsageError(f'{option}: "{path}" should end with {endings[0]}')
    folder = os.path.dirname(os.path.abspath(path))
    try:
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, 'it is a folder')
        os.makedirs(folder, exist_ok=True)
        with full_disk_named(path), tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**16))
    except DiskFull as error:
        raise DiskFull(f'{option}: {error}') from None
    except OSError as error:
        raise OSError(f'{option}: "{path}" cannot be written: '
                      f'{error.strerror or error}') from None
