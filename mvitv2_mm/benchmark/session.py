"""Measure the implementations of a case in turns, after checking that they agree."""
import multiprocessing
import os
import platform
import re
import statistics
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence
from unittest.mock import patch

import torch
from torch.utils.benchmark import Timer

from .peers import OTHER_NETWORKS, OURS, VARIANTS, Case
from .worker import ask, start

# Processes with this give freed memory back to the system: what the C library would keep for later
# says more about its habits than about what a step needs.
_FREES_AT_ONCE = {'MALLOC_MMAP_THRESHOLD_': str(64 * 1024)}
_TOLERANCE = {'float32': 1e-4, 'bfloat16': 0.1, 'float16': 0.05}


@dataclass
class Row:
    """One implementation in one mode.

    Times are seconds per step, memory is MiB above the weights, ``size`` is the side of the images
    or the number of frames.
    """
    case: str
    size: int
    mode: str
    name: str
    machine: str
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

    def as_dict(self) -> dict:
        return dict(asdict(self), throughput=self.throughput, gflops=self.gflops)

    @classmethod
    def from_dict(cls, values: dict) -> 'Row':
        return cls(**{field.name: values[field.name] for field in fields(cls)})


class ImplementationError(RuntimeError):
    """An implementation, ``name``, fails or does not agree with ours."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f'{name}{text}')
        self.name = name


class _Worker:
    """An implementation in a process of its own, which begins to be built at once."""

    def __init__(self, name: str, process: ProcessPoolExecutor, *meter_args) -> None:
        self.name, self.process = name, process
        self._built = process.submit(start, *meter_args)

    def wait(self) -> None:
        self._result(self._built)

    def ask(self, method: str, *args):
        return self._result(self.process.submit(ask, method, *args))

    def _result(self, answer: Future):
        try:
            return answer.result()
        except Exception as error:
            raise ImplementationError(self.name, f': {type(error).__name__}: {error}') from error


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
             names: Optional[Sequence[str]] = None) -> List[Row]:
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
    with _serving(names, case, **setting) as workers:
        differences = _compare(workers, dtype)
        peak = matmul_peak(**setting)
        times = {mode: _time(workers, mode, repeats) for mode in modes}
        if device != 'cpu':  # the allocator tells apart what a step needs and what is kept
            needs = {worker.name: _needs(worker, modes) for worker in workers}
    for name in [name for name in names if name not in needs]:
        with patch.dict(os.environ, _FREES_AT_ONCE), \
                _serving([name], case, **setting) as (worker, ):
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
    with _serving([OURS], case, **setting) as (worker, ):
        worker.ask('seconds', mode)
        return worker.ask(how, mode)


@contextmanager
def _serving(names: Sequence[str], case: Case, **setting) -> Iterator[List[_Worker]]:
    with ExitStack() as stack:
        workers = []
        for name in names:
            pool = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'))
            stack.enter_context(pool)
            workers.append(_Worker(name, pool, case, name, *setting.values()))
        for worker in workers:
            worker.wait()
        yield workers


def _compare(workers: List[_Worker], dtype: str) -> Dict[str, Optional[float]]:
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


def _time(workers: List[_Worker], mode: str, repeats: int) -> Dict[str, List[float]]:
    """Seconds of every step per implementation, in turns; one round of warm-up is not counted."""
    times: Dict[str, List[float]] = {worker.name: [] for worker in workers}
    for turn in range(repeats + 1):
        for worker in workers:
            seconds = worker.ask('seconds', mode)
            if turn:
                times[worker.name].append(seconds)
    return times


def _needs(worker: _Worker, modes: Sequence[str]) -> dict:
    """Multiply-accumulates of a forward pass, whatever the mode, and memory of each mode."""
    macs = worker.ask('macs')
    return dict({mode: worker.ask('peak_memory', mode) for mode in modes}, macs=macs)


def _row(case: Case, name: str, mode: str, times: List[float], needs: dict, peak: float,
         difference: Optional[float], setting: dict) -> Row:
    median = statistics.median(times)
    memory, memory_by = needs[mode]
    row = Row(
        case=case.name,
        size=case.input_size[0],
        mode=mode,
        name=name,
        machine=machine(),
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


def machine() -> str:
    """Software and hardware in a few words."""
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    else:
        found = re.search(r'model name\s*: (.+)', Path('/proc/cpuinfo').read_text())
        device = found[1] if found else platform.machine()
    return f'{device}, {os.cpu_count()} CPU cores, PyTorch {torch.__version__}'
