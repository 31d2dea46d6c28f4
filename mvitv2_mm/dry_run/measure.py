"""Time and memory of a training, from its first steps and its first batches of validation."""
import time
from functools import wraps
from typing import Any, Callable, List, NamedTuple

import torch
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..engine.memory import peak_bytes, total_bytes

# at least two passes after the first, which is slower and not counted; more while they are quick
_MIN_PASSES, _MAX_PASSES = 3, 60
_SECONDS = 8.


class Measured(NamedTuple):
    """What the first steps of a training took.

    Attributes:
        device (str): 'cpu', 'cuda', ...
        count (int): How many passes were timed.
        pass_seconds (float): Of a forward and a backward pass, with reading and augmentation.
        step_seconds (float): Of a step of the optimizer.
        val_seconds (float): Of a batch in validation; 0 without validation.
        peak_bytes (int): Of the memory of the device; on a CPU of the whole process.
        total_bytes (int): Memory of the device, apart from what other processes take of a GPU.
    """
    device: str
    count: int
    pass_seconds: float
    step_seconds: float
    val_seconds: float
    peak_bytes: int
    total_bytes: int


class _Enough(Exception):
    """Ends the training."""


class _Timer(Hook):
    """Times the passes of a training and the steps of its optimizer, and ends it."""
    priority = 'LOWEST'

    def __init__(self, device: str) -> None:
        self.device = device
        self.passes: List[float] = []
        self.steps: List[float] = []

    def before_train(self, runner: Runner) -> None:
        wrapper = runner.optim_wrapper
        wrapper.step = self._timed(wrapper.step)
        self.end = time.monotonic()
        self.limit = self.end + _SECONDS

    def _timed(self, step: Callable) -> Callable:

        @wraps(step)  # schedulers have marked it
        def timed_step(*args: Any, **kwargs: Any) -> None:
            _wait(self.device)
            start = time.monotonic()
            step(*args, **kwargs)
            _wait(self.device)
            self.steps.append(time.monotonic() - start)

        return timed_step

    def before_train_epoch(self, runner: Runner) -> None:
        self.end = time.monotonic()  # what comes between two epochs is no part of a pass

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        _wait(self.device)
        start, self.end = self.end, time.monotonic()
        self.passes.append(self.end - start)
        count = len(self.passes)
        if count >= _MAX_PASSES or count >= _MIN_PASSES and self.end > self.limit:
            raise _Enough


def measure(runner: Runner) -> Measured:
    """Start a training, end it after a few steps, and validate a few batches.

    Each pass ends with a step of the optimizer, which is also timed alone.

    Args:
        runner (Runner): Of the training, not started. It saves nothing and does not validate, and
            its optimizer does not accumulate gradients, see :func:`job.dry_run`.

    Raises:
        torch.OutOfMemoryError: If the memory of the GPU is too small.
    """
    device = get_device()
    timer = _Timer(device)
    runner.register_hook(timer)
    try:
        runner.train()
    except _Enough:
        pass
    val_seconds = _validate(runner, device)
    steps = timer.steps[1:] or timer.steps
    step_seconds = sum(steps) / len(steps) if steps else 0.
    passes = timer.passes[1:] or timer.passes
    return Measured(device, len(passes), max(sum(passes) / len(passes) - step_seconds, 0.),
                    step_seconds, val_seconds, peak_bytes(device), total_bytes(device))


def _validate(runner: Runner, device: str) -> float:
    """Seconds of a batch in validation, without those of the first if there are more."""
    if runner.val_loop is None:
        return 0.
    runner.call_hook('before_val')
    runner.call_hook('before_val_epoch')
    runner.model.eval()
    times: List[float] = []
    start, limit = time.monotonic(), time.monotonic() + _SECONDS
    for index, batch in enumerate(runner.val_dataloader):
        runner.val_loop.run_iter(index, batch)
        _wait(device)
        times.append(time.monotonic() - start)
        start = time.monotonic()
        if index and start > limit:
            break
    counted = times[1:] or times
    return sum(counted) / len(counted)


def _wait(device: str) -> None:
    if device == 'cuda':
        torch.cuda.synchronize()
