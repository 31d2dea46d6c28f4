"""Measures one implementation of the network on demand, in a process of its own."""
import ctypes
import gc
import time
from functools import partial
from pathlib import Path
from typing import List, Tuple

import torch
from torch.autograd import DeviceType
from torch.utils.flop_counter import FlopCounterMode

from ..layers import compute_path
from .kernels import count
from .peers import Case, build
from .processes import prepare

_MIB = 2**20
_GPU_STEPS = 8


class Meter:
    """Runs forward passes or training steps of one implementation and measures them."""

    def __init__(self, case: Case, name: str, device: str, dtype: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self.device, self.amp = prepare(device), dtype != 'float32'
        self.dtype = getattr(torch, dtype)
        self.model = build(case, name).to(self.device).eval()
        torch.manual_seed(1)
        self.x = case.inputs().to(self.device)

    def forward(self) -> torch.Tensor:
        with torch.autocast(self.device.type, self.dtype, enabled=self.amp):
            return self.model(self.x)

    def output(self) -> torch.Tensor:
        with torch.no_grad():
            return self.forward().float().cpu()

    def _run(self, mode: str) -> None:
        if mode == 'inference':
            with torch.no_grad():
                self.forward()
            return
        self.model.zero_grad(set_to_none=True)
        self.forward().float().square().mean().backward()

    def seconds(self, mode: str) -> float:
        """Of a step; on a GPU of several in a row, which keep it busy as real work does."""
        steps = 1
        if self.device.type == 'cuda':
            steps = _GPU_STEPS
            self._run(mode)  # lets the allocator take what others gave back
        self._synchronize()
        start = time.perf_counter()
        for _ in range(steps):
            self._run(mode)
        self._synchronize()
        return (time.perf_counter() - start) / steps

    def peak_memory(self, mode: str) -> Tuple[float, str]:
        """MiB that one run needs beyond the weights, and how it was measured."""
        self._run(mode)  # what is set up once is not part of a step
        self.model.zero_grad(set_to_none=True)
        gc.collect()
        if self.device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            self._run(mode)
            return (torch.cuda.max_memory_allocated() - before) / _MIB, 'allocator'
        ctypes.CDLL(None).malloc_trim(0)  # memory that is free but kept would hide a rise
        Path('/proc/self/clear_refs').write_text('5')  # restarts the peak of the process
        before = _resident('VmRSS')
        self._run(mode)
        return _resident('VmHWM') - before, 'process'

    def profile(self, mode: str) -> List[Tuple[str, int, float]]:
        """Operator, number of calls and share of one run's time, the largest first."""
        with torch.profiler.profile() as profiler:
            self._run(mode)
        field = f'self_{"device" if self.device.type == "cuda" else "cpu"}_time_total'
        # kernels of a GPU are listed beside the operators that have launched them
        operators = (e for e in profiler.key_averages() if e.device_type == DeviceType.CPU)
        spent = sorted(((e.key, e.count, getattr(e, field)) for e in operators),
                       key=lambda entry: -entry[2])
        total = sum(time for _, _, time in spent)
        return [(key, count, time / total) for key, count, time in spent]

    def kernels(self, mode: str) -> List[dict]:
        """See :func:`kernels.count`."""
        return count(partial(self._run, mode), self.device.type)

    def macs(self) -> int:
        """Multiply-accumulates of one forward, attention counted as matrix products."""
        with torch.no_grad(), compute_path('reference'), \
                torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), \
                FlopCounterMode(display=False) as counter:
            self.forward()
        return counter.get_total_flops() // 2

    def _synchronize(self) -> None:
        if self.device.type == 'cuda':
            torch.cuda.synchronize()


def _resident(field: str) -> float:
    status = Path('/proc/self/status').read_text()
    return int(status.split(f'{field}:')[1].split()[0]) / 1024
