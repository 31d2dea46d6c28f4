"""Download a file once, also when many ask for it, the network fails, or a server stalls."""
import http.client
import os
from pathlib import Path
from typing import BinaryIO, Optional, Tuple
from urllib.error import URLError
from urllib.request import Request, urlopen

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ..files import flush, sha256_of
from .io import CheckpointError, check_whole

_TIMEOUT = 30.  # seconds without a byte
_TRIES = 4
_BLOCK = 2**20


def download(url: str, path: Path, sha256: str = '') -> None:
    """Download a file, whole or not at all; what has arrived is kept for the next try.

    Processes that want the same file wait for the first one.

    Args:
        url (str): What to download.
        path (Path): Where to put it.
        sha256 (str): Leading digits of the expected hash. Defaults to '': the announced length and
            the checksums inside of the file are compared.

    Raises:
        CheckpointError: If it does not arrive, or is another file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.part')
    with FileLock(path.with_name(f'.{path.name}.lock')):
        if path.exists():
            return
        try:
            _fetch(url, part)
        except (URLError, http.client.HTTPException, OSError) as error:
            kept = '; what has arrived is kept' if part.exists() else ''
            raise CheckpointError(f'{url} cannot be downloaded ({error}{kept}). Check the '
                                  'connection and run again, or get the file elsewhere and put it '
                                  f'at {path}.') from None
        try:
            _check(url, part, sha256)
        except CheckpointError:
            part.unlink()
            raise
        flush(part)
        part.replace(path)


def _check(url: str, part: Path, sha256: str) -> None:
    found = sha256_of(part) if sha256 else ''
    if not found.startswith(sha256):
        raise CheckpointError(f'{url} is not the published file: its SHA-256 is {found} and should '
                              f'start with {sha256}. Nothing was kept; run again, or ask who runs '
                              'your proxy.')
    try:
        check_whole(part)
    except CheckpointError as error:
        raise CheckpointError(f'{url} did not arrive whole: {error}') from None


def _fetch(url: str, part: Path) -> None:
    """Append to a part until it is whole; a broken connection is tried again."""
    columns = (TextColumn('{task.description}'), BarColumn(), TextColumn('{task.percentage:3.0f}%'),
               DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(url.rpartition('/')[2], total=None)
        for left in reversed(range(_TRIES)):
            start = part.stat().st_size if part.exists() else 0
            try:
                with _open(url, start) as reply, open(part, 'ab') as file:
                    begin, total = _extent(reply)
                    file.truncate(begin)
                    progress.update(task, total=total, completed=begin)
                    for block in iter(lambda: reply.read(_BLOCK), b''):
                        progress.advance(task, file.write(block))
                if total is None or part.stat().st_size == total:
                    return
                problem = f'{part.stat().st_size} of {total} bytes arrived'
                if not left:
                    raise URLError(f'cut short: {problem}')
            except (URLError, http.client.HTTPException, OSError) as error:
                code = getattr(error, 'code', 500)
                if code == 416:  # the part is longer than the file
                    os.truncate(part, 0)
                if not left or code < 500 and code != 416:
                    raise


def _open(url: str, start: int) -> BinaryIO:
    headers = {'User-Agent': 'mvitv2_mm', 'Accept-Encoding': 'identity'}
    if start:
        headers['Range'] = f'bytes={start}-'
    return urlopen(Request(url, headers=headers), timeout=_TIMEOUT)


def _extent(reply: http.client.HTTPResponse) -> Tuple[int, Optional[int]]:
    """Where in the file a reply begins, and how long the file is, if the server says it."""
    length = reply.headers.get('Content-Length')
    if reply.status != 206:
        return 0, int(length) if length else None
    place, _, total = reply.headers.get('Content-Range', '').removeprefix('bytes ').partition('/')
    return int(place.partition('-')[0]), int(total) if total.isdecimal() else None
