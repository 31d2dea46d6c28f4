"""Measure input pipelines in turns."""
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Iterator, List, Optional, Sequence, Tuple

from ..errors import UsageError
from ..names import check_names
from .input_meter import LAST, STAGES, InputMeter, Rate, Times
from .inputs import CASES, PEERS, InputCase, names_of
from .peers import OURS
from .processes import in_turns, machine, serving
from .rows import Row
from .sample_data import Files, collect

_WORKERS = (1, 2, 4)


@dataclass
class DataRow(Row):
    """One input pipeline.

    Times are CPU and wall seconds for a sample, by stage, of the turn whose CPU time is the median;
    ``fastest`` and ``slowest`` are CPU seconds of other turns. Memory is MiB of a worker.
    """
    kind: ClassVar[str] = 'data'
    in_columns: ClassVar[bool] = True
    columns: ClassVar[Tuple[str,
                            ...]] = ('implementation', 'CPU ms (min - max)', 'wall ms',
                                     'CPU time relative to ours', *STAGES, LAST,
                                     f'per second with {" / ".join(map(str, _WORKERS))} workers',
                                     'MiB of a worker: own + shared')
    setting: str
    times: Times
    fastest: float
    slowest: float
    per_second: List[float]
    own: float
    shared: float

    @property
    def cpu(self) -> float:
        """CPU seconds of a sample in a worker."""
        return _total(self.times)[0]

    def cells(self, group: Sequence['DataRow']) -> Tuple[str, ...]:
        """A line of the table of a setting, below ``columns``."""
        ours = next(row for row in group if row.name == OURS)
        stages = [self.times.get(stage) for stage in (*STAGES, LAST)]
        return (self.name,
                f'{1e3 * self.cpu:.1f} ({1e3 * self.fastest:.1f} - {1e3 * self.slowest:.1f})',
                f'{1e3 * _total(self.times)[1]:.1f}', f'{self.cpu / ours.cpu:.2f}x',
                *('-' if stage is None else f'{1e3 * stage[0]:.2f} ({1e3 * stage[1]:.2f})'
                  for stage in stages), ' / '.join(f'{rate:.1f}' for rate in self.per_second),
                f'{self.own:.0f} + {self.shared:.0f}')


def _total(times: Times) -> Tuple[float, float]:
    """CPU and wall seconds of what workers do."""
    cpu, wall = zip(*(spent for stage, spent in times.items() if stage != LAST))
    return sum(cpu), sum(wall)


def measure_data(cases: Optional[Sequence[str]] = None,
                 data: Sequence[Path] = (),
                 peers: Optional[Sequence[str]] = None,
                 threads: Optional[int] = None,
                 repeats: int = 5) -> Iterator[List[DataRow]]:
    """Measure input pipelines of trainings, one recipe after the other.

    Args:
        cases (Sequence[str], optional): Names of :data:`CASES`. Defaults to None: all that there
            are files for.
        data (Sequence[Path]): Folders of pictures or videos, and COCO annotations. Defaults to ():
            files that are made.
        peers (Sequence[str], optional): Names of implementations. Defaults to None, all.
        threads (int, optional): Of PyTorch in each process. Defaults to None, 1.
        repeats (int): Turns that count. Defaults to 5.

    Yields:
        list[DataRow]: What was measured of a recipe.

    Raises:
        UsageError: If a case or a peer does not exist, or there are no files for it.
        RuntimeError: If an implementation fails.
    """
    check_names('--peers', peers, PEERS, ' for --task data')
    check_names('--cases', cases, [case.name for case in CASES], ' for --task data')
    with tempfile.TemporaryDirectory() as folder:
        files = collect(data, Path(folder))
        chosen = [
            case for case in CASES
            if (case.name in cases if cases else case.reads in files.described)
        ]
        for case in chosen:
            if case.reads not in files.described:
                raise UsageError(f'--cases {case.name} reads {case.reads.replace("_", " ")}, of '
                                 'which --data holds none')
            yield _run_case(case, names_of(case, peers), files, threads or 1, repeats)


def _run_case(case: InputCase, names: Sequence[str], files: Files, threads: int,
              repeats: int) -> List[DataRow]:
    """Stages first, then data loaders, which need all processors."""
    with serving(names, InputMeter, case, files=files, threads=threads) as workers:
        turns = in_turns(workers, repeats, lambda worker, turn: worker.ask('times', turn))
        rates = [{
            worker.name: worker.ask('rate', count)
            for worker in workers
        } for count in _WORKERS]
    setting = (f'{case.title}, of {files.described[case.reads]}, '
               f'{threads} thread{"s" * (threads > 1)}')
    return [_row(name, setting, turns[name], [rate[name] for rate in rates]) for name in names]


def _row(name: str, setting: str, turns: Sequence[Times], rates: Sequence[Rate]) -> DataRow:
    ordered = sorted(turns, key=lambda times: _total(times)[0])
    return DataRow(
        setting=setting,
        name=name,
        machine=machine(),
        times=ordered[(len(ordered) - 1) // 2],
        fastest=_total(ordered[0])[0],
        slowest=_total(ordered[-1])[0],
        per_second=[rate.per_second for rate in rates],
        own=rates[-1].own,
        shared=rates[-1].shared)
