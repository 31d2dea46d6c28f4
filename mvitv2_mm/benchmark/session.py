"""Measure the implementations of a case in turns, after checking that they agree."""
import os
import statistics
from dataclasses import dataclass
from typing import ClassVar, Dict, List, Optional, Sequence, Tuple
from unittest.mock import patch

import torch
from torch.utils.benchmark import Timer

from .peers import OTHER_NETWORKS, OURS, VARIANTS, Case
from .processes import ImplementationError, Worker, in_turns, machine, serving
from .rows import Row
from .worker import Meter

# Processes with this give freed memory back to the system: what the C library would keep for later
# says more about its habits than about what a step needs.
_FREES_AT_ONCE = {'MALLOC_MMAP_THRESHOLD_': str(64 * 1024)}
_TOLERANCE = {'float32': 1e-4, 'bfloat16': 0.1, 'float16': 0.05}


@dataclass
class NetworkRow(Row):
    """One implementation in one mode.

    Times are seconds per step, memory is MiB above the weights, ``size`` is the side of the images
    or the number of frames.
    """
    kind: ClassVar[str] = 'networks'
    columns: ClassVar[Tuple[str, ...]] = ('implementation', 'ms / step (min - max)', 'per second',
                                          'time relative to ours', 'memory MiB',
                                          'our memory relative to it', 'GMACs',
                                          'GFLOP/s (of matmul peak)', 'max rel. difference')
    case: str
    size: int
    mode: str
    device: str
    dtype: str
    batch_size: int
    threads: int
    median: float
    fastest: float
    slowest: float
    memory: float
    memory_by: str
    gmacs: float
    peak_share: float
    difference: Optional[float]

    @property
    def throughput(self) -> float:
        """Images or clips per second."""
        return self.batch_size / self.median

    @property
    def gflops(self) -> float:
        """GFLOP/s; a training step costs a forward pass and twice that for the backward pass."""
        return 2 * self.gmacs * self.throughput * (3 if self.mode == 'training' else 1)

    @property
    def setting(self) -> str:
        """What must be equal, beside the machine, for rows to be compared."""
        return (f'{self.case}, {self.mode}, batch {self.batch_size}, {self.dtype} on '
                f'{self.device}, {self.threads} threads')

    def cells(self, group: Sequence['NetworkRow']) -> Tuple[str, ...]:
        """A line of the table of a setting, below ``columns``."""
        ours = next(row for row in group if row.name == OURS)
        is_other = self.name in OTHER_NETWORKS
        time, memory = f'{self.median / ours.median:.2f}x', f'{ours.memory / self.memory:.0%}'
        return (self.name, f'{1e3 * self.median:.0f} ({1e3 * self.fastest:.0f} - '
                f'{1e3 * self.slowest:.0f})', f'{self.throughput:.2f}', '-' if is_other else time,
                f'{self.memory:.0f}', '-' if is_other else memory, f'{self.gmacs:.1f}',
                f'{self.gflops:.0f} ({self.peak_share:.0%})',
                '-' if self.difference is None else f'{self.difference:.1e}')

    def as_dict(self) -> dict:
        return dict(super().as_dict(), throughput=self.throughput, gflops=self.gflops)


def matmul_peak(device: str, dtype: str, threads: int, size: Optional[int] = None) -> float:
    """FLOP/s of the best of a few square matrix products, the machine's practical limit.

    Their default size keeps a GPU busy for a while, and a CPU not too long.
    """
    size = size or (2048 if device == 'cpu' else 8192)
    torch.set_num_threads(threads)
    a = torch.randn(size, size, device=device, dtype=getattr(torch, dtype))
    timer = Timer('a @ a', globals=dict(a=a), num_threads=threads)
    return 2 * size**3 / min(timer.timeit(3).mean for _ in range(3))


def run_case(case: Case,
             modes: Sequence[str],
             device: str,
             dtype: str,
             threads: int,
             repeats: int,
             names: Optional[Sequence[str]] = None) -> List[NetworkRow]:
    """Measure one case.

    Every implementation runs in its own process. They take turns, so that a disturbance of the
    machine meets all of them. Memory is measured afterwards; on a CPU in fresh processes.

    Raises:
        ImplementationError: If an implementation fails or its output differs from ours.
    """
    allowed = (*case.peers, *VARIANTS)
    names = [OURS, *(case.peers if names is None else (n for n in names if n in allowed))]
    setting = dict(device=device, dtype=dtype, threads=threads)
    needs = {}
    with serving(names, Meter, case, **setting) as workers:
        differences = _compare(workers, dtype)
        peak = matmul_peak(**setting)
        times = {mode: _time(workers, mode, repeats) for mode in modes}
        if device != 'cpu':  # the allocator tells apart what a step needs and what is kept
            needs = {worker.name: _needs(worker, modes) for worker in workers}
    for name in [name for name in names if name not in needs]:
        with patch.dict(os.environ, _FREES_AT_ONCE), \
                serving([name], Meter, case, **setting) as (worker, ):
            needs[name] = _needs(worker, modes)
    return [
        _row(case, name, mode, times[mode][name], needs[name], peak, differences[name], setting)
        for mode in modes for name in names
    ]


def profile_case(case: Case, mode: str, how: str = 'profile', **setting) -> List[tuple]:
    """What a :class:`Meter` tells of one warm run of ours, the largest first.

    Args:
        case (Case): The network.
        mode (str): 'inference' or 'training'.
        how (str): 'profile' for operators, or 'kernels'. Defaults to 'profile'.
        **setting: Device, dtype and threads, in this order.
    """
    with serving([OURS], Meter, case, **setting) as (worker, ):
        worker.ask('seconds', mode)
        return worker.ask(how, mode)


def _compare(workers: List[Worker], dtype: str) -> Dict[str, Optional[float]]:
    ours = workers[0].ask('output')
    differences: Dict[str, Optional[float]] = {OURS: 0.}
    for worker in workers[1:]:
        if worker.name in OTHER_NETWORKS:
            differences[worker.name] = None
            continue
        difference = ((worker.ask('output') - ours).abs().max() / ours.abs().max()).item()
        if not difference < _TOLERANCE[dtype]:
            raise ImplementationError(
                worker.name, f' does not agree with {OURS}: relative difference '
                f'{difference:.2g} in {dtype}; nothing was timed')
        differences[worker.name] = difference
    return differences


def _time(workers: List[Worker], mode: str, repeats: int) -> Dict[str, List[float]]:
    """Seconds of every step per implementation, in turns."""
    return in_turns(workers, repeats, lambda worker, turn: worker.ask('seconds', mode))


def _needs(worker: Worker, modes: Sequence[str]) -> dict:
    """Multiply-accumulates of a forward pass, whatever the mode, and memory of each mode."""
    macs = worker.ask('macs')
    return dict({mode: worker.ask('peak_memory', mode) for mode in modes}, macs=macs)


def _row(case: Case, name: str, mode: str, times: List[float], needs: dict, peak: float,
         difference: Optional[float], setting: dict) -> NetworkRow:
    median = statistics.median(times)
    memory, memory_by = needs[mode]
    row = NetworkRow(
        case=case.name,
        size=case.input_size[0],
        mode=mode,
        name=name,
        machine=machine(setting['device']),
        batch_size=case.batch_size,
        median=median,
        fastest=min(times),
        slowest=max(times),
        memory=memory,
        memory_by=memory_by,
        gmacs=needs['macs'] / 1e9 / case.batch_size,
        peak_share=0.,
        difference=difference,
        **setting)
    row.peak_share = row.gflops * 1e9 / peak
    return row
