"""Several processes, started by ``torchrun``, that share the inputs of one run."""
import heapq
import os
import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Iterable, Iterator, List, NamedTuple, TextIO, Tuple

from ..files import replaced
from .output import RECORDS, STATE, Progress, RecordFile, check_settings, read_state, write_state
from .sources import Source


class Shard(NamedTuple):
    """Which of the inputs are those of this process: every ``world_size``-th."""
    rank: int = 0
    world_size: int = 1

    def pick(self, sources: Iterable[Source]) -> Iterator[Source]:
        """The inputs of this process."""
        return islice(sources, self.rank, None, self.world_size)

    def open(self, folder: Path, settings: dict, chunk: int) -> RecordFile:
        """The file of this process's records; see :class:`RecordFile`."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.world_size == 1:
            return RecordFile(folder / RECORDS, folder / STATE, settings, chunk)
        return RecordFile(*self._part(folder, self.rank), settings, chunk, prefixes=True)

    def find_finished(self, folder: Path, settings: dict) -> List[Progress]:
        """How far each process came in a run that is all done; none if it is not.

        Raises:
            ValueError: If the folder holds records of other settings.
        """
        if not (folder / STATE).exists():
            return []
        before, progress = read_state(folder / STATE)
        check_settings(folder, before, settings)
        return progress if self.world_size > 1 else []

    def merge(self, folder: Path, settings: dict) -> Progress:
        """Wait for the parts of all processes and put them together, in the order of the inputs.

        Returns:
            Progress: Of all processes.
        """
        parts = [self._part(folder, rank) for rank in range(self.world_size)]
        progress = [_wait(state) for _, state in parts]
        with ExitStack() as stack:
            files = [stack.enter_context(open(path, encoding='utf-8')) for path, _ in parts]
            path = stack.enter_context(replaced(folder / RECORDS))
            merged = stack.enter_context(open(path, 'w', encoding='utf-8'))
            lines = (_numbered(file, rank, self.world_size) for rank, file in enumerate(files))
            merged.writelines(line for _, line in heapq.merge(*lines, key=lambda pair: pair[0]))
        write_state(folder / STATE, settings, progress)
        for path in sum(parts, ()):
            path.unlink()
        return progress

    def _part(self, folder: Path, rank: int) -> Tuple[Path, Path]:
        stem = f'.part-{rank}-of-{self.world_size}'
        return folder / f'{stem}.jsonl', folder / f'{stem}.json'


def this_shard() -> Shard:
    """The part of this process, as ``torchrun`` or another launcher tells it."""
    rank, world_size = (int(os.environ.get(key, default))
                        for key, default in (('RANK', 0), ('WORLD_SIZE', 1)))
    return Shard(rank, world_size)


def _numbered(file: TextIO, rank: int, world_size: int) -> Iterator[Tuple[int, str]]:
    """Number of the input among those of all processes, and record, of each line of a part."""
    for line in file:
        number, record = line.split('\t', 1)
        yield int(number) * world_size + rank, record


def _wait(state: Path) -> Progress:
    while True:
        if state.exists():
            progress, = read_state(state)[1]
            if progress.finished:
                return progress
        time.sleep(0.2)
