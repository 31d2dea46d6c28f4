"""Files that are either complete or not there, and where the files of a package are."""
import errno
import hashlib
import json
import os
import platform
import re
import shutil
import threading
import time
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Iterator, Optional, Union
from zlib import crc32

# what the system says when a disk takes no more
_FULL = {
    errno.ENOSPC: 'the disk is full',
    errno.EDQUOT: 'your share of the disk (quota) is used up',
    errno.EFBIG: 'the file system, or a limit of this process (ulimit -f), takes no file so large',
}
# what shared file systems that are mounted without locks say
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)
_DAY = 24 * 60 * 60
_LONG = 200  # bytes of a name; file systems take 255


def _place() -> str:
    """Where process ids have a meaning: this machine, or a container on it that counts its own."""
    try:
        container = os.readlink('/proc/self/ns/pid')
    except OSError:  # not Linux
        container = ''
    return f'{crc32((platform.node() + container).encode()):08x}'


_NODE = _place()
_ASIDE = re.compile(r'\..+\.([0-9a-f]{8})-([0-9]+)-[0-9]+(\.[^.]*)?')


class DiskFull(OSError):
    """A disk takes no more; the message names the file that was to be written."""


@contextmanager
def replaced(path: Union[str, Path]) -> Iterator[Path]:
    """Yield a path to write to in place of ``path``, which is replaced if all goes well.

    Missing folders are made. After an error ``path`` is as before, and nothing lies beside it. What
    a process leaves that is killed goes when another one writes to the same folder.

    Raises:
        DiskFull: If the disk takes no more.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = aside(path)
    try:
        with full_disk_named(path):
            temporary.touch()
            mode = temporary.stat().st_mode
            yield temporary
            temporary.chmod(mode)  # safetensors lets only the owner read
            flush(temporary)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def aside(path: Union[str, Path]) -> Path:
    """A hidden name beside ``path`` for what takes its place later, and of this thread alone."""
    path = Path(path)
    _remove_leftovers(os.path.abspath(path.parent))
    mark = f'{_NODE}-{os.getpid()}-{threading.get_native_id()}'
    name = os.fsencode(path.name)
    stem = path.stem if len(name) < _LONG else f'{crc32(name):08x}'
    return path.with_name(f'.{stem}.{mark}{path.suffix}')


@contextmanager
def folder_aside(path: Union[str, Path]) -> Iterator[Path]:
    """Yield a hidden folder beside ``path``, which goes in the end; see :func:`aside`."""
    folder = aside(path)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@lru_cache(maxsize=None)  # a long listing once, not for each file in it
def _remove_leftovers(folder: str) -> None:
    """Remove what processes of before, which were killed, have left in a folder."""
    with suppress(OSError):
        for entry in os.scandir(folder):
            name = _ASIDE.fullmatch(entry.name)
            if name and _is_left(entry, *name.groups()[:2]):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)


def _is_left(entry: os.DirEntry, node: str, process: str) -> bool:
    if node == _NODE and not import_module('psutil').pid_exists(int(process)):
        return True
    return entry.stat(follow_symlinks=False).st_mtime < time.time() - _DAY  # of another machine


@contextmanager
def full_disk_named(path: Union[str, Path]) -> Iterator[None]:
    """Let the error of a full disk, which libraries tell in many ways, name what was written.

    Of nested ones the outermost names it.

    Raises:
        DiskFull: Instead of the error.
    """
    try:
        yield
    except Exception as error:
        reason = _full_reason(error)
        if reason is None:
            raise
        raise DiskFull(f'{path} cannot be written: {reason}. Make room, or choose another place') \
            from error


def _full_reason(error: Optional[BaseException]) -> Optional[str]:
    while error is not None:
        for number, reason in _FULL.items():
            if getattr(error, 'errno', None) == number or f'os error {number})' in str(error):
                return reason
        error = error.__cause__ or error.__context__
    return None


def lock(descriptor: int, place: Union[str, Path]) -> None:
    """Keep other processes that ask for it from a file or folder, as long as it is open.

    Where the file system has no locks, or the system has others (Windows), nobody is kept away.

    Args:
        descriptor (int): Of the open file or folder.
        place (str | Path): What to call it.

    Raises:
        OSError: If another process has it.
    """
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(f'{place} is in use: another process is writing there. Wait for it, or '
                      'choose another place with --out') from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise


def flush(path: Union[str, Path]) -> None:
    """Wait until a file, or the names in a folder, are on the disk and outlive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Union[str, Path]) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for chunk in iter(lambda: file.read(2**20), b''):
            digest.update(chunk)
    return digest.hexdigest()


def write_text(path: Union[str, Path], text: str) -> None:
    """Write a text file, whole or not at all; see :func:`replaced`."""
    with replaced(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def to_json(value: Any, indent: Optional[int] = None) -> str:
    """JSON of a value, where arrays and tensors become lists, and what JSON has not, text."""
    return json.dumps(value, indent=indent, default=_plain)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, 'tolist') else str(value)


def repository_folder(package: str = 'mvitv2_mm') -> Path:
    """Where the configs, tools and model index of an OpenMMLab package are, without importing it.

    Args:
        package (str): Name that the package is imported by. Defaults to 'mvitv2_mm'.

    Returns:
        Path: The folder ``.mim`` in an installed wheel, else the checkout around the package.

    Raises:
        FileNotFoundError: If the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f'the package "{package}" is not installed')
    folder = Path(spec.origin).parent
    return folder / '.mim' if (folder / '.mim').is_dir() else folder.parent
