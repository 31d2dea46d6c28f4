"""``predictions.jsonl``: a run that was cut short goes on where it stopped."""
import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Optional

from ..files import lock, write_text
from .records import to_line
from .sources import Source

RECORDS, STATE = 'predictions.jsonl', 'predict.json'
_SAVE_EVERY = 1.  # seconds


@dataclass
class Progress:
    """How far a process has come.

    Attributes:
        sources (int): Its inputs that are done.
        items (int): Records of the next input that are written already.
        bytes (int): Length of its file with these records.
        failed (int): How many of these are errors.
        names (str): Hash of the names of the inputs that are done.
        finished (bool): Whether all inputs are done.
    """
    sources: int = 0
    items: int = 0
    bytes: int = 0
    failed: int = 0
    names: str = ''
    finished: bool = False


def write_state(path: Path, settings: dict, progress: List[Progress]) -> None:
    """Note what a run does and how far each of its processes has come."""
    content = dict(settings=settings, progress=list(map(asdict, progress)))
    write_text(path, json.dumps(content, indent=1) + '\n')


def read_state(path: Path, settings: dict) -> List[Progress]:
    """Progress that :func:`write_state` noted; empty if there is no note.

    Raises:
        ValueError: If the note is damaged, or of another model or other settings.
    """
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text())
        before, progress = content['settings'], content['progress']
        other = [key for key in settings if before.get(key) != settings[key]]
        progress = [Progress(**entry) for entry in progress]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(f'{path} is damaged, or of another program; remove it, or take another '
                         '--out') from None
    if other:
        pairs = ', '.join(f'{key} {_short(before.get(key))}, not {_short(settings[key])}'
                          for key in other)
        raise ValueError(f'{path.parent} holds predictions of a run with {pairs}; take another '
                         '--out, or remove the folder')
    return progress


def pass_done(sources: Iterable[Source], progress: Progress, folder: Path) -> Iterator[Source]:
    """The inputs after those that are done.

    Raises:
        ValueError: If the inputs that are done are others now.
    """
    sources, names = iter(sources), ''
    for source in islice(sources, progress.sources):
        names = _chain(names, source.name)
    if names != progress.names:
        raise ValueError(f'{folder} holds predictions of other inputs; take another --out, or '
                         'remove the folder')
    return sources


def refuse_new(sources: Iterable[Source], progress: Progress, path: Path) -> Iterator[Source]:
    """No inputs are left for files that are complete and cannot grow.

    Raises:
        ValueError: If there are new ones.
    """
    for source in pass_done(sources, progress, path):
        raise ValueError(f'{source.name} is new, and {path} is complete already; take another '
                         '--out')
    return iter(())


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f'{text[:37]}...'


def read_records(path: Path, end: Optional[int] = None) -> Iterator[dict]:
    """Yield the records in a file, or in its first ``end`` bytes.

    Raises:
        OSError: If it cannot be read.
    """
    done = 0
    with open(path, 'rb') as file:
        for line in file:
            done += len(line)
            if end is not None and done > end:
                return
            yield json.loads(line[line.index(b'{'):])


class RecordFile:
    """A file of records that grows, with a note beside it of how far it has come.

    What was written after the last note is cut off when a run goes on. It is predicted again, in
    the same batches, so that the file ends as if there had been no break.

    Args:
        path (Path): The file.
        state (Path): The note.
        settings (dict): All that the records follow from, as JSON has it.
        chunk (int): Number of records after each of which a run can go on.
        prefixes (bool): Begin each line with the number of its input and a tab. Defaults to False.

    Attributes:
        progress (Progress): What is written.

    Raises:
        OSError: If the files cannot be written, or another process is writing them.
        ValueError: If there are records of other settings.
    """

    def __init__(self,
                 path: Path,
                 state: Path,
                 settings: dict,
                 chunk: int,
                 prefixes: bool = False) -> None:
        self.path, self._state, self._settings = path, state, settings
        self._chunk, self._prefixes = chunk, prefixes
        self._file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), 'r+b')
        try:
            lock(self._file.fileno(), path)
            self.progress = self._read_progress()
        except (OSError, ValueError):
            self._file.close()
            raise
        self._file.truncate(self.progress.bytes)
        self._file.seek(self.progress.bytes)
        self._start, self._names = self.progress.sources, {}
        self._num_records = 0
        self.progress.finished = False
        self._save()

    def _read_progress(self) -> Progress:
        """How far the runs before this one came."""
        progress, = read_state(self._state, self._settings) or [Progress()]
        size = os.fstat(self._file.fileno()).st_size
        if size < progress.bytes or (size and not self._state.exists()):
            raise ValueError(f'{self.path} is not as the run that wrote it left it; take another '
                             '--out, or remove the folder')
        return progress

    def written(self) -> Iterator[dict]:
        """The records of the runs before this one."""
        return read_records(self.path, self.progress.bytes)

    def left(self, sources: Iterable[Source]) -> Iterator[Source]:
        """The inputs that are not done.

        Raises:
            ValueError: If the inputs that are done are others now.
        """
        for number, source in enumerate(pass_done(sources, self.progress, self.path.parent)):
            self._names[number] = source.name
            yield source

    def add(self, number: int, record: dict) -> None:
        """Write a record.

        Args:
            number (int): Number of its input among those that :meth:`left` gave.
            record (dict): The record.
        """
        self._count_done(number)
        prefix = f'{self._start + number}\t' if self._prefixes else ''
        self._file.write(f'{prefix}{to_line(record)}'.encode())
        self.progress.items += 1
        self.progress.failed += 'error' in record
        self._num_records += 1
        if self._num_records % self._chunk == 0 and time.monotonic() > self._saved + _SAVE_EVERY:
            self._save()

    def finish(self) -> None:
        """Note that all inputs are done."""
        self._count_done(max(self._names, default=-1) + 1)
        self.progress.finished = True
        self._save()

    def close(self) -> None:
        """Close the file; what is not noted yet will be predicted again."""
        self._file.close()

    def _count_done(self, number: int) -> None:
        """Note that the inputs before ``number`` are done."""
        while self.progress.sources < self._start + number:
            name = self._names.pop(self.progress.sources - self._start)
            self.progress.names = _chain(self.progress.names, name)
            self.progress.sources += 1
            self.progress.items = 0

    def _save(self) -> None:
        self._file.flush()
        self.progress.bytes = self._file.tell()
        self._saved = time.monotonic()
        write_state(self._state, self._settings, [self.progress])


def _chain(names: str, name: str) -> str:
    """Hash of names, from that of all but the last one."""
    return hashlib.sha256(f'{names}\n{name}'.encode(errors='backslashreplace')).hexdigest()[:16]
