"""Time and memory of a training, from its first steps, a validation and a checkpoint."""
import time
from contextlib import redirect_stdout
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any, Callable, List, NamedTuple, Tuple

import torch
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..checkpoints.io import read_file
from ..engine.lost_workers import explained_workers
from ..engine.memory import peak_bytes, total_bytes
from ..files import flush
from .largest import Boxes, find_limits, largest_batch

# at least two passes after the first, which is slower and not counted; more while they are quick
_MIN_PASSES, _MAX_PASSES = 3, 60
_SECONDS = 8.
# a process that still grows, as with objects of ever new sizes, is watched longer
_GROWING_SECONDS, _GROWTH = 25., 0.002


class Measured(NamedTuple):
    """What the first steps of a training took.

    Attributes:
        device (str): 'cpu', 'cuda', ...
        count (int): How many passes were timed.
        pass_seconds (float): Of a forward and a backward pass, with reading and augmentation.
        step_seconds (float): Of a step of the optimizer.
        val_seconds (float): Of a batch in validation; 0 without validation.
        metric_seconds (float): Of the metrics of a validation.
        save_seconds (float): Of saving a checkpoint.
        peak_bytes (int): Of the memory of the device; on a CPU of the whole process.
        total_bytes (int): Memory of the device, apart from what other processes take of a GPU.
    """
    device: str
    count: int
    pass_seconds: float
    step_seconds: float
    val_seconds: float
    metric_seconds: float
    save_seconds: float
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
        self.peaks: List[int] = []

    def before_train(self, runner: Runner) -> None:
        wrapper = runner.optim_wrapper
        wrapper.step = self._timed(wrapper.step)
        self.end = time.monotonic()
        self.start = self.end

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
        self.peaks.append(peak_bytes(self.device))
        count, spent = len(self.passes), self.end - self.start
        is_enough = spent > _SECONDS or count >= _MAX_PASSES
        if count >= _MIN_PASSES and is_enough and not (self._grows() and spent < _GROWING_SECONDS):
            raise _Enough

    def _grows(self) -> bool:
        """Whether the process needed more memory in the last third of the passes than before."""
        before = self.peaks[2 * len(self.peaks) // 3 - 1]
        return self.device == 'cpu' and self.peaks[-1] > (1 + _GROWTH) * before


def measure(runner: Runner, boxes: Boxes) -> Measured:
    """Start a training, end it after a few steps, validate a few batches, and save it once.

    Each pass ends with a step of the optimizer, which is also timed alone.

    Args:
        runner (Runner): Of the training, not started. It saves nothing and does not validate, and
            its optimizer does not accumulate gradients, see :func:`job.dry_run`.
        boxes (Boxes): Counts the objects of many samples.

    Raises:
        torch.OutOfMemoryError: If the memory of the GPU is too small.
        OSError: If there is no room for a checkpoint, or a data worker is lost.
    """
    device = get_device()
    timer = _Timer(device)
    runner.register_hook(timer)
    with explained_workers(runner):
        try:
            runner.train()
        except _Enough:
            pass
        val_seconds, metric_seconds = _validate(runner, device)
        batch = largest_batch(runner.train_dataloader, boxes)
        if batch is not None:  # after a validation, as most batches are
            runner.model.train()
            runner.model.train_step(batch, optim_wrapper=runner.optim_wrapper)
    save_seconds = _save(runner)
    steps = timer.steps[1:] or timer.steps
    step_seconds = sum(steps) / len(steps) if steps else 0.
    passes = timer.passes[1:] or timer.passes
    return Measured(device, len(passes), max(sum(passes) / len(passes) - step_seconds, 0.),
                    step_seconds, val_seconds, metric_seconds, save_seconds, peak_bytes(device),
                    total_bytes(device))


def _validate(runner: Runner, device: str) -> Tuple[float, float]:
    """Seconds of a batch in validation, without the first if there are more; and of the metrics.

    A detector that has learnt nothing finds nothing, or always the same number of objects. Here it
    finds the most that it may, or some fewer, as one that has learnt does.
    """
    if runner.val_loop is None:
        return 0., 0.
    runner.call_hook('before_val')
    runner.call_hook('before_val_epoch')
    runner.model.eval()
    times: List[float] = []
    start, limit = time.monotonic(), time.monotonic() + _SECONDS
    loader, evaluator = runner.val_dataloader, runner.val_loop.evaluator
    limits = find_limits(runner.model)
    for index, batch in enumerate(loader):
        for settings, most in limits:
            settings.update(score_thr=0., max_per_img=most - index % (most // 4 + 1))
        runner.val_loop.run_iter(index, batch)
        _wait(device)
        times.append(time.monotonic() - start)
        start = time.monotonic()
        if index and start > limit:
            break
    with redirect_stdout(StringIO()):  # pycocotools prints
        evaluator.evaluate(round(len(loader.dataset) * len(times) / len(loader)))
    metric_seconds = (time.monotonic() - start) * len(loader) / len(times)
    counted = times[1:] or times
    return sum(counted) / len(counted), metric_seconds


def _save(runner: Runner) -> float:
    """Seconds in which a checkpoint is saved; it is read too, as at the end of a training."""
    path, start = Path(runner.work_dir, 'trial.pth'), time.monotonic()
    runner.save_checkpoint(str(path.parent), path.name)
    flush(path)
    seconds = time.monotonic() - start
    read_file(str(path))
    path.unlink()
    return seconds


def _wait(device: str) -> None:
    if device == 'cuda':
        torch.cuda.synchronize()
