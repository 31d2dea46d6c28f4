"""How much memory a process has needed, and giving back what it does not need."""
import ctypes
import resource
import sys

import psutil
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner


def peak_bytes(device: str) -> int:
    """Bytes that were needed at most: of the memory of a GPU, on a CPU of the whole process.

    Args:
        device (str): 'cpu', 'cuda', ...
    """
    if device == 'cuda':
        return torch.cuda.max_memory_reserved()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024


def total_bytes(device: str) -> int:
    """Bytes that this process could have at most, apart from what others take of a GPU.

    Args:
        device (str): 'cpu', 'cuda', ...
    """
    if device == 'cuda':
        free, _ = torch.cuda.mem_get_info()
        return free + torch.cuda.memory_reserved()
    return psutil.virtual_memory().total


class ReleaseHook(Hook):
    """Give free memory back to the system before every epoch and every validation.

    On a CPU, tensors of ever new sizes, such as those of a detector, leave free memory in pieces
    that fit no other tensor. The C library of Linux keeps them, and a training grows by them.
    """

    def before_val_epoch(self, runner: Runner) -> None:
        release()

    def before_train_epoch(self, runner: Runner) -> None:
        release()


def release() -> None:
    """Give free memory back to the system; does nothing where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None) if sys.platform == 'linux' else None
    if trim is not None:
        trim(0)
