"""Processes that hold one implementation each, and take turns.

One process each, so that one implementation's memory is not another's.
"""
import multiprocessing
import os
import platform
import re
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

import torch

from ..devices import find_device

_meter: Any = None  # of this process


class ImplementationError(RuntimeError):
    """An implementation, ``name``, fails or does not agree with ours."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f'{name}{text}')
        self.name = name


class Worker:
    """An implementation in a process of its own, which begins to be built at once.

    Args:
        name (str): Of the implementation, which errors begin with.
        process (ProcessPoolExecutor): The process.
        meter (Callable): Makes what measures it there, of the arguments that follow.
    """

    def __init__(self, name: str, process: ProcessPoolExecutor, meter: Callable, *args) -> None:
        self.name, self.process = name, process
        self._built = process.submit(_start, meter, *args)

    def wait(self) -> None:
        """Wait until it is built."""
        self._result(self._built)

    def ask(self, method: str, *args) -> Any:
        """What a method of the meter returns."""
        return self._result(self.process.submit(_ask, method, *args))

    def _result(self, answer: Future) -> Any:
        try:
            return answer.result()
        except Exception as error:
            raise ImplementationError(self.name, f': {type(error).__name__}: {error}') from error


def _start(meter: Callable, *args) -> None:
    global _meter
    _meter = meter(*args)


def _ask(method: str, *args) -> Any:
    answer = getattr(_meter, method)(*args)
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()  # the next implementation may need it
    return answer


@contextmanager
def serving(names: Sequence[str], meter: Callable, case: Any, **setting) -> Iterator[List[Worker]]:
    """A process for each name, which holds ``meter(case, name, *setting.values())``."""
    with ExitStack() as stack:
        workers = []
        for name in names:
            pool = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'))
            stack.enter_context(pool)
            workers.append(Worker(name, pool, meter, case, name, *setting.values()))
        for worker in workers:
            worker.wait()
        yield workers


def in_turns(workers: Sequence[Worker], repeats: int,
             measure: Callable[[Worker, int], Any]) -> Dict[str, List[Any]]:
    """What is measured of every implementation in each turn; the first round is not counted.

    A disturbance of the machine so meets all of them.
    """
    measured: Dict[str, List[Any]] = {worker.name: [] for worker in workers}
    for turn in range(repeats + 1):
        for worker in workers:
            value = measure(worker, turn)
            if turn:
                measured[worker.name].append(value)
    return measured


def prepare(device: str) -> torch.device:
    """Make a device the one that this process measures, where float32 means float32.

    Args:
        device (str): 'cpu', 'cuda', 'cuda:1'.

    Returns:
        torch.device: The device.

    Raises:
        UsageError: If it is not there.
    """
    found = find_device(device)
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision('highest')
    if found.type == 'cuda':
        torch.cuda.set_device(found)  # it is waited for, and its memory is read
    return found


def machine(device: str = 'cpu') -> str:
    """Software and hardware in a few words.

    Args:
        device (str): What computes. Defaults to 'cpu'.
    """
    if torch.device(device).type == 'cuda':
        name = torch.cuda.get_device_name(device)
    else:
        found = re.search(r'model name\s*: (.+)', Path('/proc/cpuinfo').read_text())
        name = found[1] if found else platform.machine()
    return f'{name}, {os.cpu_count()} CPU cores, PyTorch {torch.__version__}'
