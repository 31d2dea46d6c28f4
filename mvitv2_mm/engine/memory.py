"""How much memory a process has needed."""
import resource
import sys

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
