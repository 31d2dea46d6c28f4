"""What the C library does with memory that this process does not need any more."""
import ctypes
import os
import sys

# the C library reads them when a process starts; whoever sets one has decided
_VARIABLES = ('MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'GLIBC_TUNABLES')
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_OWN_MAPPING = 2**25  # bytes of an array that never shares a mapping with others


def reuse(kept: int = 2**29) -> None:
    """Let this process use again what it frees.

    glibc gives arrays as large as a few pictures back to the system, which hands them out again
    page by page, filled with zeros. That is up to a tenth of the time that a clip, or a step of a
    network, takes. Nothing is done where the C library is not glibc, or where a user has decided.

    Args:
        kept (int): Free bytes at the end of the memory that stay. Defaults to 512 MiB.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None) if sys.platform == 'linux' else None
    if mallopt is not None and not any(name in os.environ for name in _VARIABLES):
        mallopt(_MMAP_THRESHOLD, _OWN_MAPPING)
        mallopt(_TRIM_THRESHOLD, kept)
