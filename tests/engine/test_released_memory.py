"""Memory that is free goes back to the system."""
import multiprocessing
import resource
import sys

import numpy as np
import psutil
import pytest

from mvitv2_mm.engine.memory import release, reuse


@pytest.mark.skipif(sys.platform != 'linux', reason='of glibc')
def test_free_pieces_go_back_to_the_system():
    pieces = [bytearray(2**16) for _ in range(2000)]
    del pieces[::2]
    before = psutil.Process().memory_info().rss
    release()
    assert before - psutil.Process().memory_info().rss > 2**25


def _count_pages():
    """Of 640 MB of arrays, and of as much again later."""
    reuse()
    counts = [resource.getrusage(resource.RUSAGE_SELF).ru_minflt]
    for _ in range(2):
        for _ in range(20):
            arrays = [np.ones(2**21, np.uint8) for _ in range(16)]
            del arrays
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    return np.diff(counts)[1]


@pytest.mark.skipif(sys.platform != 'linux', reason='of glibc')
def test_workers_use_memory_again():
    with multiprocessing.get_context('fork').Pool(1) as pool:
        assert pool.apply(_count_pages) < 20 * 2**25 / resource.getpagesize() / 10
