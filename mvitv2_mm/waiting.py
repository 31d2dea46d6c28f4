"""How PyTorch's threads wait for each other: asleep, so that other programs can compute.

By default they run on for a while. Where several programs share the cores, each then waits for
threads that others keep from running, and all become many times slower.
"""
import os
import sys
from glob import glob

# OpenMP libraries read them when PyTorch is loaded; whoever sets one has decided
VARIABLES = {'OMP_WAIT_POLICY': 'PASSIVE', 'GOMP_SPINCOUNT': '0', 'KMP_BLOCKTIME': '0'}
_GPUS = ('/dev/nvidia[0-9]*', '/dev/kfd', '/dev/dxg')


def give_way() -> None:
    """Let threads that wait sleep, for this process and its children.

    It comes before PyTorch is imported, or does nothing. What a user has set stays, and so does the
    default of a machine with a GPU, where nobody has measured what a change does.
    """
    is_set = any(name in os.environ for name in VARIABLES)
    if not (is_set or 'torch' in sys.modules or _has_gpu()):
        os.environ['OMP_WAIT_POLICY'] = VARIABLES['OMP_WAIT_POLICY']


def describe() -> str:
    """What threads that wait do, and why, in one line."""
    found = [f'{name}={os.environ[name]}' for name in VARIABLES if name in os.environ]
    if not found:
        return f'spin, the default{" beside a GPU" if _has_gpu() else ""}'
    sleeps = any(os.environ.get(name, '').upper() == value for name, value in VARIABLES.items())
    return f'{"give way to other programs" if sleeps else "spin"} ({", ".join(found)})'


def _has_gpu() -> bool:
    hidden = os.environ.get('CUDA_VISIBLE_DEVICES') in ('', '-1')
    return not hidden and any(map(glob, _GPUS))
