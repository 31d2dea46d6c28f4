"""Measure what work costs at several sizes, and what every start costs."""
import contextlib
import io
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Callable, ClassVar, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import psutil
from mmengine.dataset import BaseDataset

from ..names import check_names
from .processes import machine
from .rows import Row
from .scale_cases import CASES, ScaleCase

_MIB = 2**20
_READ = 10000  # samples of which a data worker reads the annotations
STARTS = {
    'an empty process': 'pass',
    'import torch': 'import torch',
    'import mvitv2_mm': 'import mvitv2_mm',
    'a config of images': '_read("mvitv2-tiny_8xb256_in1k")',
    'a config of clips': '_read("mvitv2-small-p244_32xb16-16x4x1-200e_kinetics400-rgb")',
    'a config of objects': '_read("mask-rcnn_mvitv2-tiny_fpn_64xb1-amp-ms-crop-3x_coco")',
}
_STARTS = 'starts'
_PREPARED = 'from mvitv2_mm.config_files import load_config as _read; '
# the peak of a process as others see it includes that of the one that started it
_PEAK = '\nprint(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])'


class Cost(NamedTuple):
    """What work took: seconds, and MiB above what the process had.

    ``worker`` are MiB that a data worker has for itself, None where there are no data workers.
    """
    cpu: float
    wall: float
    held: float
    peak: float
    worker: Optional[float] = None


@dataclass
class ScaleRow(Row):
    """What one size of some work cost; ``items`` is 0 where it has no size."""
    kind: ClassVar[str] = 'scale'
    columns: ClassVar[Tuple[str, ...]] = ('what', 'CPU s', 'wall s', 'CPU us per item', 'MiB held',
                                          'MiB at most', 'MiB of a data worker')
    setting: str
    items: int
    cost: Cost

    def cells(self, group: Sequence['ScaleRow']) -> Tuple[str, ...]:
        """A line of the table of a kind of work, below ``columns``."""
        cost = Cost(*self.cost)
        each = f'{1e6 * cost.cpu / self.items:,.1f}' if self.items else '-'
        return (self.name, f'{cost.cpu:.2f}', f'{cost.wall:.2f}', each, f'{cost.held:,.0f}',
                f'{cost.peak:,.0f}', '-' if cost.worker is None else f'{cost.worker:.0f}')


def measure_scale(cases: Optional[Sequence[str]] = None,
                  sweep: Optional[Sequence[int]] = None) -> Iterator[List[ScaleRow]]:
    """Measure kinds of work, one after the other, each size in a process of its own.

    Args:
        cases (Sequence[str], optional): Names of :data:`scale_cases.CASES`, and 'starts'. Defaults
            to None, all.
        sweep (Sequence[int], optional): Sizes in place of the cases' own.

    Yields:
        list[ScaleRow]: What was measured of one kind.

    Raises:
        UsageError: If there is no such case.
    """
    known = [*CASES, _STARTS]
    check_names('--cases', cases, known, ' for --task scale')
    for name in cases or known:
        if name == _STARTS:
            yield [_measure_start(what, code) for what, code in STARTS.items()]
        else:
            yield [_measure_size(CASES[name], size) for size in sweep or CASES[name].sizes]


def _measure_size(case: ScaleCase, size: int) -> ScaleRow:
    with tempfile.TemporaryDirectory() as folder:
        spec = case.write(Path(folder), size)
        cost = _alone(_measure, case.ready, spec)
    return ScaleRow(f'{size:,} {case.item}', machine(), case.title, size, cost)


def _alone(function: Callable, *args: Any) -> Any:
    """Call a function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:
        return pool.submit(function, *args).result()


def _measure(ready: Callable, spec: Any) -> Cost:
    """Do the work once; a data set is then shared with two data workers."""
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
        work = ready(spec)
        before = psutil.Process().memory_info().rss
        Path('/proc/self/clear_refs').write_text('5')  # restarts the peak of the process
        start, start_cpu = time.perf_counter(), _cpu()
        result = work()
        wall, cpu = time.perf_counter() - start, _cpu() - start_cpu
    held = psutil.Process().memory_info().rss - before
    peak = _peak() - before
    own = _worker_memory(result) if isinstance(result, BaseDataset) else None
    return Cost(cpu, wall, held / _MIB, peak / _MIB, own)


def _cpu() -> float:
    """CPU seconds of this process and of those that it has started and that have ended."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak() -> int:
    """Bytes that this process had at most."""
    status = Path('/proc/self/status').read_text()
    return int(status.split('VmHWM:')[1].split()[0]) * 1024


def _worker_memory(dataset: BaseDataset) -> float:
    with get_context('fork').Pool(2, initializer=_give, initargs=(dataset, )) as pool:
        return max(pool.map(_read, range(2), chunksize=1)) / _MIB


def _give(dataset: BaseDataset) -> None:
    global _dataset
    _dataset = dataset


def _read(seed: int) -> int:
    """Bytes that a worker has for itself more than before it reads."""
    before = psutil.Process().memory_full_info().uss
    draw = random.Random(seed)
    for _ in range(_READ):
        _dataset.get_data_info(draw.randrange(len(_dataset)))
    return psutil.Process().memory_full_info().uss - before


def _measure_start(what: str, code: str) -> ScaleRow:
    """A start of Python that does one thing; the second time, when its files are in memory."""
    if '_read' in code:
        code = _PREPARED + code
    _start(code)
    return ScaleRow(what, machine(), 'starts', 0, _start(code))


def _start(code: str) -> Cost:
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, '-c', code + _PEAK], stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, process.returncode, used = os.wait4(process.pid, 0)
    if process.returncode:
        raise RuntimeError(f"python -c '{code}' fails with status {process.returncode}")
    peak = int(output.split()[-1]) * 1024 / _MIB
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - start, peak, peak)
