"""The published MViTv2 models: what they are, where they are, and how a file gets here.

``zoo.csv`` lists them: the stem of the config each is for, the exact number of parameters with the
published head, the licence of the repository that publishes it, the leading digits of the SHA-256
and the size in MiB where the publisher states them, and the URL.
"""
import csv
import difflib
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional
from urllib.error import URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import torch.hub
from mmengine.dist import barrier, get_local_rank

from .io import CheckpointError


@dataclass(frozen=True)
class Published:
    """One published file; empty strings and None where the publisher states nothing."""
    name: str
    config: str
    params: int
    licence: str
    sha256: str
    size_mib: Optional[float]
    url: str

    @property
    def cache_name(self) -> str:
        """File name in the cache: the URL's, as torch.hub does, where that one is telling."""
        file = Path(urlparse(self.url).path)
        return self.name + file.suffix if file.stem == 'model' else file.name


def _read_zoo() -> Dict[str, Published]:
    with open(Path(__file__).with_name('zoo.csv'), newline='') as file:
        rows = [Published(**row) for row in csv.DictReader(file)]
    return {
        row.name:
        Published(
            **{
                **vars(row), 'params': int(row.params),
                'size_mib': float(row.size_mib) if row.size_mib else None
            })
        for row in rows
    }


ZOO = _read_zoo()


def locate(checkpoint: str) -> str:
    """Turn a file, a URL or a registry name into a file on this machine.

    Args:
        checkpoint (str): An existing file wins over a registry name.

    Returns:
        str: Path of a local file.

    Raises:
        FileNotFoundError: If it is none of the three; similar registry names are given.
        CheckpointError: If a download fails or is not the published file.
    """
    if os.path.isfile(os.path.expanduser(checkpoint)):
        return os.path.expanduser(checkpoint)
    if checkpoint.startswith(('http://', 'https://')):
        return fetch(checkpoint)
    if checkpoint in ZOO:
        entry = ZOO[checkpoint]
        return fetch(entry.url, entry.cache_name, entry.sha256)
    similar = difflib.get_close_matches(checkpoint, ZOO, n=3)
    hint = f'Similar published models: {", ".join(similar)}' if similar else \
        'Published models: see "tools/convert_checkpoint.py --list"'
    raise FileNotFoundError(f'{checkpoint} can not be found. {hint}.')


def fetch(url: str, file_name: Optional[str] = None, sha256: str = '') -> str:
    """Download a file once, into torch.hub's cache; afterwards no network is needed.

    Args:
        url (str): What to download.
        file_name (str, optional): Name in the cache. Defaults to that in the URL.
        sha256 (str): Leading digits of the expected hash. Defaults to '', which checks nothing.

    Returns:
        str: Path of the file in the cache.

    Raises:
        CheckpointError: If the download fails, is cut short, or has another hash.
    """
    path = Path(torch.hub.get_dir(), 'checkpoints', file_name or Path(urlparse(url).path).name)
    if get_local_rank() == 0 and not path.exists():
        _download(url, path, sha256)
    barrier()
    if sha256 and not _hash(path).startswith(sha256):
        raise CheckpointError(f'{path} is not the published file: its SHA-256 does not start with '
                              f'{sha256}. Delete it, then it is downloaded again.')
    return str(path)


def _download(url: str, path: Path, sha256: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.unchecked')
    try:
        torch.hub.download_url_to_file(url, str(part), hash_prefix=sha256 or None)
        expected = _content_length(url)
        if expected is not None and expected != part.stat().st_size:
            raise CheckpointError(f'{url} was cut short: {part.stat().st_size} of {expected} bytes '
                                  'arrived. Run again.')
        shutil.move(part, path)
    except RuntimeError as error:
        if 'invalid hash' not in str(error):
            raise
        raise CheckpointError(f'{url} is not the published file: {error}. Nothing was kept; run '
                              'again, or ask who runs your proxy.') from None
    except (URLError, OSError) as error:
        raise CheckpointError(f'{url} cannot be downloaded ({error}). Check the connection, or get '
                              f'the file elsewhere and put it at {path}.') from None
    finally:
        part.unlink(missing_ok=True)


def _content_length(url: str) -> Optional[int]:
    """Size the server announces; torch.hub does not notice when a transfer stops early."""
    try:
        with urlopen(Request(url, method='HEAD', headers={'User-Agent': 'torch.hub'})) as reply:
            length = reply.headers.get('Content-Length')
    except OSError:
        return None
    return int(length) if length else None


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for chunk in iter(lambda: file.read(2**20), b''):
            digest.update(chunk)
    return digest.hexdigest()
