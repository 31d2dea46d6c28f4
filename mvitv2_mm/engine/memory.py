"""How much memory a process has needed."""
import resource
import sys

import psutil
import torch


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
