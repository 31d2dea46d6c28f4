"""Dry runs of a training, each in a fresh process, until its batches fit the memory."""
import json
import subprocess
import sys
from pathlib import Path
from typing import Callable, Optional

import psutil

_MARGIN = 0.9  # of the memory; pictures and clips differ
_CGROUP = Path('/sys/fs/cgroup')
# of versions 2 and 1: files with the limit, what is used, and how much of that is cache
_CGROUPS = (
    ('memory.max', 'memory.current', 'memory.stat', 'inactive_file'),
    ('memory/memory.limit_in_bytes', 'memory/memory.usage_in_bytes', 'memory/memory.stat',
     'total_inactive_file'),
)


def find_batch(try_out: Callable[[int], Optional[dict]], batch_size: int, most: int,
               say: Callable[[str], None]) -> dict:
    """Try batches, each half as large as the one before, until one fits the memory.

    On a GPU the first is ``most``, which is fastest; on a CPU it is ``batch_size``.

    Args:
        try_out (Callable): Makes a dry run with so many samples at a time; None means that the
            memory is too small.
        batch_size (int): Samples at a time in the recipe.
        most (int): Samples per step of the optimizer, or fewer.
        say (Callable): Gets one line for each batch that does not fit.

    Returns:
        dict: What the dry run of the batch that fits has found, and its "batch_size".

    Raises:
        ValueError: If not even one sample fits.
    """
    size = most if _accelerator() else batch_size
    while True:
        limit = _available()
        found = try_out(size)
        if found is not None and _fits(found, limit):
            return dict(found, batch_size=size)
        if size == 1:
            raise ValueError('not even one sample at a time fits into the memory; take a smaller '
                             'network with --arch, or --cfg-options model.backbone.with_cp=True')
        say(f'{size} samples at a time do not fit into the memory, trying {size // 2}')
        size //= 2


def _fits(found: dict, limit: int) -> bool:
    measured = found['measured']
    if measured['device'] != 'cpu':
        limit = measured['total_bytes']
    return measured['peak_bytes'] <= _MARGIN * limit


def run_trial(config: Path, out: Path) -> Optional[dict]:
    """Make a dry run in a fresh process; None if the memory is too small.

    Args:
        config (Path): Of the training.
        out (Path): Work dir of the training, which gets the results.

    Raises:
        ChildProcessError: If it fails for another reason.
    """
    command = [sys.executable, '-m', 'mvitv2_mm', 'train', '--dry-run', '--json']
    done = subprocess.run(
        [*command, str(config), '--work-dir', str(out)],
        capture_output=True,
        text=True,
        errors='replace')
    if done.returncode == -9:  # by the system, which has no memory left
        return None
    lines = done.stdout.strip().splitlines()
    if not lines:
        last = done.stderr.strip().splitlines()[-1:]
        raise ChildProcessError(f'the trial of two steps failed: {"".join(last)}')
    found = json.loads(lines[-1])
    return found if found['measured'] else None


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
