"""Files wherever they are: mmengine's file backends, and those that it lacks.

Importing this module registers the backends, after which the URL of an HTTP server or of any file
system of fsspec can stand wherever a config names a file.
"""
import io
import os.path as osp
import re
import string
import tempfile
import time
from contextlib import contextmanager
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Iterator, Optional, Tuple
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from mmengine.fileio import BaseStorageBackend, get_file_backend, register_backend
from mmengine.fileio.backends import prefix_to_backends

from ..extras import require

_PATIENCE = 60  # seconds for an answer of a server
_PAUSES = 1, 3  # seconds before the second and third try
# file systems of fsspec; mmengine gives ``s3`` to a library that is not public
_PROTOCOLS = ('s3', 's3a', 'gs', 'gcs', 'az', 'abfs', 'abfss', 'adl', 'hf', 'oss', 'oci', 'tos',
              'hdfs', 'webhdfs', 'ftp', 'sftp', 'ssh', 'smb', 'webdav', 'github', 'dropbox',
              'gdrive', 'lakefs', 'memory')
_MEMBER = re.compile(r'(?P<archive>.+\.tar)#(?P<start>\d+)\+(?P<size>\d+)/(?P<name>.+)')


def shown(path: str) -> str:
    """A path or URL as messages name it: without password, signature and place in a tar file."""
    member = _MEMBER.fullmatch(path)
    if member:
        return f'{shown(member["archive"])}/{member["name"]}'
    if '://' not in path:
        return path
    place = urlsplit(path)
    return place._replace(netloc=place.netloc.rpartition('@')[2], query='').geturl()


class _RemoteBackend(BaseStorageBackend):
    """What the backends for URLs have in common."""

    def get_text(self, path: str, encoding: str = 'utf-8') -> str:
        """The text in a file."""
        return self.get(path).decode(encoding)

    def join_path(self, path: str, *parts: str) -> str:
        """The URL of a file in a folder; a part that is a URL itself stands alone."""
        for part in map(str, parts):
            path = part if '://' in part else f'{str(path).rstrip("/")}/{part}'.rstrip('/')
        return path

    @contextmanager
    def get_local_path(self, path: str) -> Iterator[str]:
        """A local copy of a file, for as long as the context lasts."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, urlsplit(path).path.rpartition('/')[2] or 'file')
            copy.write_bytes(self.get(path))
            yield str(copy)


class HttpBackend(_RemoteBackend):
    """Files of an HTTP server; unlike mmengine's it waits and tries for a limited time only."""

    def get(self, path: str) -> bytes:
        """The bytes of a file."""
        return self._ask(path)[0]

    def get_range(self, path: str, start: int, size: int) -> bytes:
        """``size`` bytes of a file from ``start`` on, less at its end."""
        content, answer = self._ask(path, headers={'Range': f'bytes={start}-{start + size - 1}'})
        if answer.status == 206:
            return content
        return content[start:start + size]  # the server sends whole files only

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        try:
            self._ask(path, method='HEAD')
        except FileNotFoundError:
            return False
        return True

    def state(self, path: str) -> Tuple[int, str]:
        """Size of a file, and a text that changes with its content."""
        headers = self._ask(path, method='HEAD')[1].headers
        marks = [headers.get(name, '') for name in ('Content-Length', 'ETag', 'Last-Modified')]
        return int(marks[0] or 0), ' '.join(marks)

    def _ask(self, path: str, **options) -> Tuple[bytes, Any]:
        request = Request(quote(str(path), safe=string.punctuation.replace('#', '')), **options)
        for pause in (*_PAUSES, None):
            try:
                with urlopen(request, timeout=_PATIENCE) as answer:
                    return answer.read(), answer
            except HTTPError as error:
                if error.code in (404, 410):
                    raise FileNotFoundError(
                        f'{shown(path)} does not exist (HTTP {error.code})') from None
                reason, is_final = f'HTTP {error.code} {error.reason}', error.code < 500
            except (OSError, HTTPException, ValueError) as error:
                reason = str(getattr(error, 'reason', error)) or type(error).__name__
                is_final = isinstance(error, ValueError)
            if is_final or pause is None:
                raise OSError(f'{shown(path)}: {_one_line(reason, path)}')
            time.sleep(pause)


class FsspecBackend(_RemoteBackend):
    """Files of any file system of fsspec, such as ``s3://``, ``gs://`` and ``memory://``.

    Credentials are best given as the library of the file system expects them, or as fsspec does
    (``FSSPEC_S3_SECRET``): a training writes its config to the log.

    Args:
        **options: Arguments of the file system, such as ``anon=True``.
    """

    def __init__(self, **options) -> None:
        self.options = options

    def get(self, path: str) -> bytes:
        """The bytes of a file."""
        with self._open(path) as (files, inner):
            return files.cat_file(inner)

    def get_range(self, path: str, start: int, size: int) -> bytes:
        """``size`` bytes of a file from ``start`` on, less at its end."""
        with self._open(path) as (files, inner):
            return files.cat_file(inner, start=start, end=start + size)

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        with self._open(path) as (files, inner):
            return files.exists(inner)

    def isdir(self, path: str) -> bool:
        """Whether there is such a folder."""
        with self._open(path) as (files, inner):
            return files.isdir(inner)

    def state(self, path: str) -> Tuple[int, str]:
        """Size of a file, and a text that changes with its content."""
        with self._open(path) as (files, inner):
            return files.size(inner), str(files.ukey(inner))

    def list_dir_or_file(self,
                         path: str,
                         list_dir: bool = True,
                         list_file: bool = True,
                         recursive: bool = False) -> Iterator[str]:
        """Paths in a folder, relative to it; see mmengine's ``LocalBackend``."""
        with self._open(path) as (files, inner):
            depth = None if recursive else 1
            found = files.find(inner, maxdepth=depth, withdirs=list_dir, detail=True)
        for name, info in found.items():
            name = name.removeprefix(inner.rstrip('/')).lstrip('/')
            if name and (list_dir if info['type'] == 'directory' else list_file):
                yield name

    def join_path(self, path: str, *parts: str) -> str:
        """The URL of a file in a folder; a part that is a URL itself stands alone.

        Raises:
            ImportError: If the library of the file system is not installed.
        """
        with self._open(path):
            return super().join_path(path, *parts)

    @contextmanager
    def _open(self, path: str) -> Iterator[Tuple[Any, str]]:
        """The file system of a URL and the path in it; errors in one line without secrets.

        It is looked up anew each time, because fsspec gives each process its own connections.
        """
        fsspec = require('fsspec.core', shown(path))
        try:
            yield fsspec.url_to_fs(path, **self.options)
        except ImportError as error:
            protocol = urlsplit(path).scheme
            classes = require('fsspec.registry', shown(path)).known_implementations
            require(classes[protocol]['class'].partition('.')[0], f'{protocol}://')
            raise ImportError(f'{shown(path)}: {error}') from None
        except FileNotFoundError:
            raise FileNotFoundError(f'{shown(path)} does not exist') from None
        except Exception as error:  # every file system has its own kinds
            text = f'{type(error).__name__}: {error}'
            raise OSError(f'{shown(path)}: {_one_line(text, path, self.options)}') from None


def _one_line(text: str, path: str, options: Optional[dict] = None) -> str:
    """The text of an error without the secrets in a URL and in the arguments of a file system."""
    text = ' '.join(text.replace(str(path), shown(str(path))).split())
    for key, value in (options or {}).items():
        if isinstance(value, dict):
            text = _one_line(text, path, value)
        elif isinstance(value, str) and len(value) > 3:
            text = text.replace(value, f'({key})')
    return text[:300]


register_backend('http', HttpBackend, prefixes=['http', 'https'], force=True)
register_backend(
    'fsspec',
    FsspecBackend,
    prefixes=[
        name for name in _PROTOCOLS
        if name not in prefix_to_backends or name == 's3' and not find_spec('petrel_client')
    ],
    force=True)


def backend(path: str, backend_args: Optional[dict] = None) -> BaseStorageBackend:
    """The backend that reads a path; see :func:`mmengine.fileio.get_file_backend`.

    Raises:
        ValueError: If there is none.
    """
    try:
        return get_file_backend(path, backend_args=backend_args, enable_singleton=True)
    except KeyError as error:
        raise ValueError(f'{shown(path)}: no file backend is called {error}; there are '
                         f'{", ".join(filter(None, prefix_to_backends))}') from None


def is_file(path: str, backend_args: Optional[dict] = None) -> bool:
    """Whether a path is that of a file of its own on this machine."""
    return not backend_args and '://' not in path and not _MEMBER.fullmatch(path)


def read(path: str, backend_args: Optional[dict] = None) -> bytes:
    """The bytes of a file.

    Args:
        path (str): Path or URL of a file, or what :func:`member_path` makes.
        backend_args (dict, optional): See :func:`mmengine.fileio.get_file_backend`. Defaults to
            None: the beginning of a URL tells.

    Raises:
        OSError: If it cannot be read; the message names it in one line.
    """
    member = _MEMBER.fullmatch(path)
    if member:
        size = int(member['size'])
        content = read_range(member['archive'], int(member['start']), size, backend_args)
        if len(content) < size:
            raise OSError(f'{shown(path)}: the archive ends before this file does; copy it again')
        return content
    if is_file(path, backend_args):
        with open(path, 'rb') as file:
            return file.read()
    content = backend(path, backend_args).get(path)
    if content is None:  # LMDB
        raise FileNotFoundError(f'"{path}" is not in {backend_args.get("db_path")}')
    return content


def exists(path: str, backend_args: Optional[dict] = None) -> bool:
    """Whether there is a file; see :func:`read`."""
    place = backend(path, backend_args)
    return place.exists(path) if hasattr(place, 'exists') else place.get(path) is not None


def join(folder: str, path: str) -> str:
    """Path of a file in a folder; a URL and a file in a tar file stand alone."""
    return path if '://' in path or _MEMBER.fullmatch(path) else osp.join(folder, path)


def member_path(archive: str, start: int, size: int, name: str) -> str:
    """A path that :func:`read` takes for a file of ``size`` bytes at ``start`` in a tar file."""
    return f'{archive}#{start}+{size}/{name}'


def read_range(path: str, start: int, size: int, backend_args: Optional[dict] = None) -> bytes:
    """``size`` bytes of a file from ``start`` on, less at its end; see :func:`read`."""
    if is_file(path, backend_args):
        with open(path, 'rb') as file:
            file.seek(start)
            return file.read(size)
    place = backend(path, backend_args)
    if not hasattr(place, 'get_range'):
        raise OSError(f'{shown(path)}: {type(place).__name__} cannot read a part of a file')
    return place.get_range(path, start, size)


class RangeReader(io.RawIOBase):
    """A remote file that is read in parts.

    Args:
        path (str): Its URL.
        size (int): Its size in bytes.
    """

    def __init__(self, path: str, size: int) -> None:
        self._path, self._size, self._position = path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:
        size = min(len(buffer), max(self._size - self._position, 0))
        content = read_range(self._path, self._position, size) if size else b''
        buffer[:len(content)] = content
        self._position += len(content)
        return len(content)
