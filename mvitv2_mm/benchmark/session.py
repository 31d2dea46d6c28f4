"""Measure the implementations of a case in turns, after checking that they agree."""
import multiprocessing
import statistics
from dataclasses import asdict, dataclass
from typing import Dict, List, Optional, Sequence

import torch
from torch.utils.benchmark import Timer

from .peers import OTHER_NETWORKS, OURS, Case
from .worker import serve

_TOLERANCE = {'float32': 1e-4, 'bfloat16': 0.1, 'float16': 0.05}


@dataclass
class Row:
    """One implementation in one mode. Times are seconds per step, memory MiB above the weights."""
    case: str
    mode: str
    name: str
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

    def as_dict(self) -> dict:
        return dict(asdict(self), throughput=self.throughput)


class _Worker:

    def __init__(self, name: str, *meter_args) -> None:
        self.name = name
        context = multiprocessing.get_context('spawn')
        self.pipe, child = context.Pipe()
        self.process = context.Process(
            target=serve, args=(child, meter_args[0], name, *meter_args[1:]), daemon=True)
        self.process.start()
        self._receive()

    def ask(self, method: str, *args):
        self.pipe.send((method, args))
        return self._receive()

    def _receive(self):
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise RuntimeError(f'{self.name}: {type(answer).__name__}: {answer}') from answer
        return answer

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join()


def matmul_peak(device: str, dtype: str, threads: int, size: int = 2048) -> float:
    """FLOP/s of the best of a few square matrix products, the machine's practical limit."""
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
    machine meets all of them; one round of warm-up is not counted.

    Raises:
        RuntimeError: If an implementation fails or its output differs from ours.
    """
    names = [OURS, *(name for name in case.peers if names is None or name in names)]
    workers = []
    try:
        for name in names:
            workers.append(_Worker(name, case, device, dtype, threads))
        differences = _compare(workers, dtype)
        peak = matmul_peak(device, dtype, threads)
        rows = []
        for mode in modes:
            rows += _measure(case, workers, mode, repeats, peak, differences,
                             dict(device=device, dtype=dtype, threads=threads))
        return rows
    finally:
        for worker in workers:
            worker.close()


def _compare(workers: List[_Worker], dtype: str) -> Dict[str, Optional[float]]:
    ours = workers[0].ask('output')
    differences: Dict[str, Optional[float]] = {OURS: 0.}
    for worker in workers[1:]:
        if worker.name in OTHER_NETWORKS:
            differences[worker.name] = None
            continue
        difference = ((worker.ask('output') - ours).abs().max() / ours.abs().max()).item()
        if not difference < _TOLERANCE[dtype]:
            raise RuntimeError(f'{worker.name} does not agree with {OURS}: relative difference '
                               f'{difference:.2g} in {dtype}; nothing was timed')
        differences[worker.name] = difference
    return differences


def _measure(case: Case, workers: List[_Worker], mode: str, repeats: int, peak: float,
             differences: dict, setting: dict) -> List[Row]:
    times: Dict[str, List[float]] = {worker.name: [] for worker in workers}
    for turn in range(repeats + 1):
        for worker in workers:
            seconds = worker.ask('seconds', mode)
            if turn:
                times[worker.name].append(seconds)
    rows = []
    for worker in workers:
        median = statistics.median(times[worker.name])
        memory, memory_by = worker.ask('peak_memory', mode)
        macs = worker.ask('macs')
        # a training step costs a forward and twice that for the backward
        flops = 2 * macs * (3 if mode == 'training' else 1)
        rows.append(
            Row(case=case.name,
                mode=mode,
                name=worker.name,
                batch_size=case.batch_size,
                median=median,
                fastest=min(times[worker.name]),
                slowest=max(times[worker.name]),
                memory=memory,
                memory_by=memory_by,
                gmacs=macs / 1e9 / case.batch_size,
                peak_share=flops / median / peak,
                difference=differences[worker.name],
                **setting))
    return rows
