"""How PyTorch's threads wait for each other: after a moment asleep, so that others can compute.

By default they run on for milliseconds. Where several programs share the cores, each then waits for
threads that others keep from running, and all become many times slower.
"""
import os
import sys
from glob import glob

# OpenMP libraries read them when PyTorch is loaded; whoever sets one has decided
VARIABLES = ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT', 'KMP_BLOCKTIME')
# turns of a loop, about as long as the pause between two operators of a small network: on an idle
# machine, threads that sleep at once (OMP_WAIT_POLICY=PASSIVE) make its training slower
_TURNS = 3000
# where a core has more programs to run than a training alone brings, every turn is lost to another
_TURNS_IF_BUSY, _BUSY = 300, 1.5
_GPUS = ('/dev/nvidia[0-9]*', '/dev/kfd', '/dev/dxg')


def give_way() -> None:
    """Let threads that wait for long sleep, for this process and its children.

    It comes before PyTorch is imported, or does nothing. What a user has set stays, and so does the
    default of a machine with a GPU, where nobody has measured what a change does.
    """
    is_set = any(name in os.environ for name in VARIABLES)
    if not (is_set or 'torch' in sys.modules or _has_gpu()):
        os.environ['GOMP_SPINCOUNT'] = str(_TURNS_IF_BUSY if _is_busy() else _TURNS)


def _is_busy() -> bool:
    """Whether others wanted to compute in the last minute, where the system tells."""
    return hasattr(os, 'getloadavg') and os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1)


def describe() -> str:
    """How threads wait, and who says so, in one line."""
    found = [f'{name}={os.environ[name]}' for name in VARIABLES if name in os.environ]
    if found:
        return f'as {", ".join(found)} says'
    return f'the default, which is slow on a shared machine{"; there is a GPU" * _has_gpu()}'


def _has_gpu() -> bool:
    hidden = os.environ.get('CUDA_VISIBLE_DEVICES') in ('', '-1')
    return not hidden and any(map(glob, _GPUS))
