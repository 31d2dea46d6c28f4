"""Tar files of samples, as the package ``webdataset`` writes them.

The files of a sample follow each other and differ in what comes after the first dot: ``a/7.jpg``,
``a/7.cls``. The headers of a tar file are read once and noted beside it; then each file in it can
be read at any time, so that a dataset of tar files is like one of folders: every sampler works, and
a resumed training equals an uninterrupted one.
"""
import hashlib
import io
import json
import os
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch

from ..files import write_text
from .storage import RangeReader, backend, is_file, member_path, shown

_VERSION = 1  # of the notes
_RANGE = re.compile(r'\{(\d+)\.\.(\d+)\}')
_NAME = re.compile(r'((?:.*/)?[^./][^./]*)\.([^/]+)')
_BLOCK = 512  # bytes of a header
_BUFFER = 2**18  # bytes that are fetched at once
_READERS = 8  # threads


class ShardSample(NamedTuple):
    """A sample in a tar file.

    Attributes:
        path (str): What :func:`mvitv2_mm.datasets.storage.read` takes.
        label (Any): What its ``.cls`` or the key "label" of its ``.json`` says, None without.
    """
    path: str
    label: Any


def is_shards(path: str) -> bool:
    """Whether an annotation file is one or many tar files."""
    return path.endswith('.tar')


def list_shards(pattern: str) -> List[str]:
    """Paths of tar files by ``NAME-{000000..000099}.tar``, or ``NAME-*.tar`` on this machine.

    Raises:
        FileNotFoundError: If one on this machine does not exist.
    """
    numbers = _RANGE.search(pattern)
    paths = [pattern]
    if numbers:
        first, last = numbers.groups()
        before, after = pattern[:numbers.start()], pattern[numbers.end():]
        paths = [f'{before}{i:0{len(first)}}{after}' for i in range(int(first), int(last) + 1)]
    elif '*' in pattern:
        paths = sorted(glob(pattern)) or paths
    for path in paths:
        if is_file(path) and not os.path.isfile(path):
            raise FileNotFoundError(f'{path} does not exist; put it there, or correct "ann_file" '
                                    f'of the dataset ({pattern})')
    return paths


def shard_samples(pattern: str, suffixes: Sequence[str]) -> Iterator[ShardSample]:
    """Samples of tar files, in their order.

    Args:
        pattern (str): See :func:`list_shards`.
        suffixes (Sequence[str]): Ends of the names of pictures, or of clips.

    Raises:
        OSError: If a tar file cannot be read.
        ValueError: If one is damaged, or holds no sample.
    """
    shards = list_shards(pattern)
    with ThreadPoolExecutor(_READERS) as pool:
        for shard, notes in zip(shards, pool.map(_read_notes, shards)):
            is_empty = True
            for name, start, size in notes['files']:
                key, suffix = _NAME.fullmatch(name).groups()
                if f'.{suffix.lower()}' in suffixes:
                    path = member_path(shard, start, size, name)
                    yield ShardSample(path, notes['labels'].get(key))
                    is_empty = False
            if is_empty:
                raise ValueError(f'{shown(shard)} holds no file of the types {" ".join(suffixes)}')


def _read_notes(shard: str) -> Dict[str, Any]:
    """Files and labels of a tar file, from the notes of an earlier time if it has not changed."""
    size, state = _state(shard)
    path = Path(f'{shard}.index')
    if not is_file(shard):
        name = hashlib.sha256(shard.encode()).hexdigest()[:32]
        path = Path(torch.hub.get_dir(), 'shards', f'{name}.index')
    try:
        notes = json.loads(path.read_text())
        if notes['version'] == _VERSION and notes['state'] == state:
            return notes
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there are none, or they are no good
    notes = dict(version=_VERSION, state=state, **_scan(shard, size))
    try:
        write_text(path, json.dumps(notes))
    except OSError:
        pass  # a folder that cannot be written to: next time again
    return notes


def _state(shard: str) -> Tuple[int, str]:
    if is_file(shard):
        found = os.stat(shard)
        return found.st_size, f'{found.st_size} {found.st_mtime_ns}'
    return backend(shard).state(shard)


def _open(shard: str, size: int) -> BinaryIO:
    if is_file(shard):
        return open(shard, 'rb')
    return io.BufferedReader(RangeReader(shard, size), _BUFFER)


def _scan(shard: str, size: int) -> Dict[str, Any]:
    """Where the files of a tar file are, and the labels in it."""
    files, labels, place = [], {}, 0
    with _open(shard, size) as file:
        try:
            with tarfile.open(fileobj=file, mode='r:') as archive:
                for info in archive:
                    place = archive.offset
                    _note(archive, info, files, labels)
                place = archive.offset
            file.seek(place)
            if file.read(_BLOCK) != bytes(_BLOCK):
                raise ValueError('neither a file nor the end of the archive is there')
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise ValueError(f'{shown(shard)} is damaged at byte {place} of {size}, or no plain '
                             f'tar file: {error}; write or copy it again') from None
    return dict(files=files, labels=labels)


def _note(archive: tarfile.TarFile, info: tarfile.TarInfo, files: List[list],
          labels: Dict[str, Any]) -> None:
    found = _NAME.fullmatch(info.name)
    if not info.isfile() or not found:
        return
    key, suffix = found.groups()
    if suffix not in ('cls', 'json'):
        files.append([info.name, info.offset_data, info.size])
        return
    text = archive.extractfile(info).read().decode()
    if suffix == 'cls':
        labels[key] = text.strip()
        return
    content = json.loads(text)
    if isinstance(content, dict) and 'label' in content:
        labels.setdefault(key, content['label'])  # a .cls counts for more


def to_labels(label: Any, numbers: Dict[str, int]) -> Optional[List[int]]:
    """Numbers of the classes of a sample.

    Args:
        label (Any): See :class:`ShardSample`; a number or a name, or several of them.
        numbers (dict[str, int]): Numbers of the classes by their names.

    Returns:
        list[int] | None: None if the label is not like that.
    """
    values = label if isinstance(label, list) else [label]
    try:
        return [numbers[v] if v in numbers else int(v) for v in values]
    except (TypeError, ValueError):
        return None
