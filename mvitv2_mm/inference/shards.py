"""Several processes, started by ``torchrun``, that share the inputs of one run."""
import heapq
import os
import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Iterable, Iterator, List, NamedTuple, Optional, TextIO, Tuple

from ..files import replaced
from .output import (RECORDS, STATE, Progress, RecordFile, read_records, read_state, refuse_new,
                     write_state)
from .sources import Source


class Shard(NamedTuple):
    """Which inputs are those of this process: every ``world_size``-th from ``rank`` on."""
    rank: int = 0
    world_size: int = 1


def this_shard() -> Shard:
    """The part of this process, as ``torchrun`` and other launchers tell it."""
    return Shard(int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1)))


class Output:
    """The folder of a run: ``predictions.jsonl``, and the parts of it of several processes.

    Args:
        folder (str): The folder.
        settings (dict): All that the records follow from, as JSON has it.
        chunk (int): Number of records after each of which a run can go on.
        shard (Shard): The part of this process. Defaults to all.

    Raises:
        OSError: If the folder cannot be written to.
        ValueError: If it holds records of other settings.
    """

    def __init__(self, folder: str, settings: dict, chunk: int, shard: Shard = Shard()) -> None:
        self.folder, self.shard = Path(folder), shard
        self._settings = dict(settings, processes=shard.world_size)
        self.folder.mkdir(parents=True, exist_ok=True)
        # parts that are put together do not grow
        is_shared = shard.world_size > 1
        self._merged = read_state(self.folder / STATE, self._settings) if is_shared else []
        self._file: Optional[RecordFile] = None
        if not self._merged:
            paths = self._part(shard.rank) if is_shared else (self.folder / RECORDS,
                                                              self.folder / STATE)
            self._file = RecordFile(*paths, self._settings, chunk, is_shared)

    def __enter__(self) -> 'Output':
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def num_done(self) -> int:
        """How many records of the first input that is left are written already."""
        return self._file.progress.items if self._file is not None else 0

    def written(self) -> Iterator[dict]:
        """The records that are written already; of parts that are put together, to the first."""
        if self._file is not None:
            yield from self._file.written()
        elif self.shard.rank == 0:
            yield from read_records(self.folder / RECORDS)

    def left(self, sources: Iterable[Source]) -> Iterator[Source]:
        """The inputs of this process that are not done, of those of all processes.

        Raises:
            ValueError: If the inputs that are done are others now.
        """
        own = islice(sources, self.shard.rank, None, self.shard.world_size)
        if self._file is not None:
            return self._file.left(own)
        return refuse_new(own, self._merged[self.shard.rank], self.folder)

    def add(self, number: int, record: dict) -> None:
        """Write a record of the input of this number among those that :meth:`left` gave."""
        self._file.add(number, record)

    def finish(self) -> int:
        """Note that all inputs are done; the first process puts all parts together.

        Returns:
            int: Number of errors among all records; 0 in all processes but the first one, since
            ``torchrun`` ends the others as soon as one has failed.
        """
        progress = self._merged
        if self._file is not None:
            self._file.finish()
            progress = [self._file.progress]
        if self.shard.rank > 0:
            return 0
        if not self._merged and self.shard.world_size > 1:
            progress = self._merge()
        return sum(part.failed for part in progress)

    def _merge(self) -> List[Progress]:
        parts = [self._part(rank) for rank in range(self.shard.world_size)]
        progress = [_wait(state, self._settings) for _, state in parts]
        with ExitStack() as stack:
            files = [stack.enter_context(open(path, encoding='utf-8')) for path, _ in parts]
            path = stack.enter_context(replaced(self.folder / RECORDS))
            merged = stack.enter_context(open(path, 'w', encoding='utf-8'))
            lines = (_numbered(file, rank, len(parts)) for rank, file in enumerate(files))
            merged.writelines(line for _, line in heapq.merge(*lines, key=lambda pair: pair[0]))
        write_state(self.folder / STATE, self._settings, progress)
        for path in sum(parts, ()):
            path.unlink()
        return progress

    def _part(self, rank: int) -> Tuple[Path, Path]:
        stem = f'.part-{rank}-of-{self.shard.world_size}'
        return self.folder / f'{stem}.jsonl', self.folder / f'{stem}.json'


def _numbered(file: TextIO, rank: int, world_size: int) -> Iterator[Tuple[int, str]]:
    """Number of the input among those of all processes, and record, of each line of a part."""
    for line in file:
        number, record = line.split('\t', 1)
        yield int(number) * world_size + rank, record


def _wait(state: Path, settings: dict) -> Progress:
    """How far a process came, once it has come to the end; ``torchrun`` ends us if it fails."""
    while True:
        for progress in read_state(state, settings):
            if progress.finished:
                return progress
        time.sleep(0.2)
