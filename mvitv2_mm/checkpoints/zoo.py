"""The published MViTv2 models: what they are, where they are, and how a file gets here.

``zoo.csv`` lists them: the stem of the config each is for, the exact number of parameters with the
published head, the licence of the repository that publishes it, the leading digits of the SHA-256
and the size in MiB where the publisher states them, and the URL.
"""
import difflib
import hashlib
import os
from pathlib import Path
from urllib.parse import urlparse

import torch.hub
from mmengine.dist import barrier, get_local_rank

from ..errors import UnknownName
from ..files import sha256_of
from ..names import read_zoo
from .download import download
from .io import CheckpointError

ZOO = read_zoo()


def locate(checkpoint: str) -> str:
    """Turn a file, a URL or a registry name into a file on this machine.

    Args:
        checkpoint (str): An existing file wins over a registry name.

    Returns:
        str: Path of a local file.

    Raises:
        UnknownName: If it is none of the three; similar registry names are given.
        CheckpointError: If a download fails or is not the published file.
    """
    check_exists(checkpoint)
    path = os.path.expanduser(checkpoint)
    if os.path.isfile(path):
        return path
    if checkpoint in ZOO:
        return fetch(ZOO[checkpoint].url, ZOO[checkpoint].sha256)
    return fetch(checkpoint)


def check_exists(checkpoint: str) -> None:
    """Raise UnknownName for what is no file, URL or published model; names similar ones."""
    path = Path(checkpoint).expanduser()
    if '://' in checkpoint or checkpoint in ZOO or path.is_file():
        return
    if path.is_dir():
        names = ', '.join(sorted(file.name for file in path.glob('*.pth'))) or 'none'
        raise UnknownName(
            f'{checkpoint} is a folder and not a checkpoint; there are in it: {names}.')
    beside = sorted(file.name for file in path.parent.glob(f'*{path.suffix}'))
    if not path.suffix:  # a folder
        beside = difflib.get_close_matches(path.name, beside) if path.parent.name else ()
    similar = difflib.get_close_matches(checkpoint, ZOO, n=3)
    hint = 'Published models: see "python -m mvitv2_mm convert --list"'
    if beside or similar:
        names = ', '.join(beside or similar)
        hint = f'Its folder holds {names}' if beside else f'Similar published models: {names}'
    raise UnknownName(f'{checkpoint} can not be found. {hint}.')


def fetch(url: str, sha256: str = '') -> str:
    """Download a file once, into torch.hub's cache; afterwards no network is needed.

    Args:
        url (str): What to download.
        sha256 (str): Leading digits of the expected hash. Defaults to '', which checks nothing.

    Returns:
        str: Path of the file in the cache, see :func:`cache_path`.

    Raises:
        CheckpointError: If the download fails, is cut short, or has another hash.
    """
    path = cache_path(url)
    if get_local_rank() == 0 and not path.exists():
        download(url, path, sha256)
    barrier()
    if sha256 and not sha256_of(path).startswith(sha256):
        raise CheckpointError(f'{path} is not the published file: its SHA-256 does not start with '
                              f'{sha256}. Delete it, then it is downloaded again.')
    return str(path)


def cache_path(url: str) -> Path:
    """Where a download is kept: in a folder for its URL alone, since many files share a name."""
    folder = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Path(torch.hub.get_dir(), 'checkpoints', folder, Path(urlparse(url).path).name)
