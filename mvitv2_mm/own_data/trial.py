"""Two measured steps of a training: how long it will take, and which batches fit the memory.

``python -m mvitv2_mm.own_data.trial CONFIG BATCH_SIZE`` is the fresh process that runs them. It
prints one line of JSON.
"""
import itertools
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Callable, Iterator, Optional

import psutil

_PASSES = 3  # the first is slower and not counted
_MARGIN = 0.9  # of the memory; pictures and clips differ
_CGROUP = Path('/sys/fs/cgroup')
# of versions 2 and 1: files with the limit, what is used, and how much of that is cache
_CGROUPS = (
    ('memory.max', 'memory.current', 'memory.stat', 'inactive_file'),
    ('memory/memory.limit_in_bytes', 'memory/memory.usage_in_bytes', 'memory/memory.stat',
     'total_inactive_file'),
)


@dataclass(frozen=True)
class Trial:
    """What was measured.

    Attributes:
        batch_size (int): Samples at a time.
        device (str): 'cpu', 'cuda', ...
        pass_seconds (float): Of a forward and a backward pass with a step of the optimizer.
        val_seconds (float): Of a batch in validation.
        passes (int): Per epoch.
        val_passes (int): Per validation.
        peak_bytes (int): Of the memory of the device; on a CPU of the whole process.
    """
    batch_size: int
    device: str
    pass_seconds: float
    val_seconds: float
    passes: int
    val_passes: int
    peak_bytes: int

    def seconds(self, epochs: int, val_interval: int) -> float:
        """Time of a whole training with its validations."""
        validations = epochs // val_interval
        return (epochs * self.passes * self.pass_seconds +
                validations * self.val_passes * self.val_seconds)


def find_batch(config: Path, batch_size: int, most: int, say: Callable[[str], None]) -> Trial:
    """Try batches, each half as large as the one before, until one fits the memory.

    On a GPU the first is ``most``, which is fastest; on a CPU it is ``batch_size``.

    Args:
        config (Path): Of the training.
        batch_size (int): Samples at a time in the recipe.
        most (int): Samples per step of the optimizer, or fewer.
        say (Callable): Gets one line for each batch that does not fit.

    Raises:
        ValueError: If not even one sample fits.
        ChildProcessError: If the steps fail for another reason.
    """
    size = most if _accelerator() else batch_size
    while True:
        limit = _available()
        found = run_trial(config, size)
        if found is not None and (found.device != 'cpu' or found.peak_bytes <= _MARGIN * limit):
            return found
        if size == 1:
            raise ValueError('not even one sample at a time fits into the memory; take a smaller '
                             'network with --arch, or --cfg-options model.backbone.with_cp=True')
        say(f'{size} samples at a time do not fit into the memory, trying {size // 2}')
        size //= 2


def run_trial(config: Path, batch_size: int) -> Optional[Trial]:
    """Measure in a fresh process; None if the memory is too small.

    Raises:
        ChildProcessError: If the steps fail for another reason.
    """
    command = [sys.executable, '-m', __name__, str(config), str(batch_size)]
    done = subprocess.run(command, capture_output=True, text=True, errors='replace')
    if done.returncode == -9:  # by the system, which has no memory left
        return None
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        last = done.stderr.strip().splitlines()[-1:]
        raise ChildProcessError(f'the trial of two steps failed: {"".join(last)}')
    result = json.loads(lines[-1])
    return Trial(**result) if result else None


def measure(config: str, batch_size: int) -> Trial:
    """Train a few steps on real data, and validate one batch."""
    from mmengine.device import get_device
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import MODELS, init_default_scope
    from mmengine.runner import Runner

    from ..config_files import load_config
    cfg = load_config(config)
    init_default_scope(cfg.default_scope)
    device = get_device()
    model = MODELS.build(cfg.model).to(device)
    loader = Runner.build_dataloader(dict(cfg.train_dataloader, batch_size=batch_size), seed=0)
    optimizer = build_optim_wrapper(model, dict(cfg.optim_wrapper, accumulative_counts=1))
    batches = _endless(loader)
    model.train()
    times = [
        _seconds(lambda: model.train_step(next(batches), optimizer), device) for _ in range(_PASSES)
    ]
    val_loader = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    val_batches = iter(val_loader)
    model.eval()
    val_seconds = _seconds(lambda: model.val_step(next(val_batches)), device)
    return Trial(batch_size, device,
                 sum(times[1:]) / (_PASSES - 1), val_seconds, len(loader), len(val_loader),
                 _peak(device))


def _endless(loader) -> Iterator:
    return itertools.chain.from_iterable(itertools.repeat(loader))


def _seconds(step: Callable, device: str) -> float:
    import torch
    start = time.monotonic()
    step()
    if device == 'cuda':
        torch.cuda.synchronize()
    return time.monotonic() - start


def _peak(device: str) -> int:
    """Bytes that were needed at most; raises OutOfMemoryError if that is nearly all there are."""
    import torch
    if device != 'cuda':
        return _peak_of_process()
    peak, (free, _) = torch.cuda.max_memory_reserved(), torch.cuda.mem_get_info()
    if peak > _MARGIN * (peak + free):
        raise torch.OutOfMemoryError(f'{peak} bytes are nearly all of the memory')
    return peak


def _peak_of_process() -> int:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024


def _accelerator() -> bool:
    from mmengine.device import get_device
    return get_device() == 'cuda'


def _available() -> int:
    """Bytes that a new process may take, also inside a container."""
    limits = [psutil.virtual_memory().available]
    for limit, used, stat, cached in _CGROUPS:
        try:
            limit, used = (int((_CGROUP / name).read_text()) for name in (limit, used))
            rows = dict(row.split() for row in (_CGROUP / stat).read_text().splitlines())
            limits.append(limit - used + int(rows[cached]))
        except (OSError, ValueError, KeyError):  # no container, or one without a limit
            pass
    return min(limits)


def _main(config: str, batch_size: str) -> None:
    import_module('mvitv2_mm.repairs')
    import torch
    try:
        print(json.dumps(vars(measure(config, int(batch_size)))))
    except (torch.OutOfMemoryError, MemoryError):
        print('null')
    except RuntimeError as error:
        if 'allocate memory' not in str(error):
            raise
        print('null')


if __name__ == '__main__':
    _main(*sys.argv[1:])
