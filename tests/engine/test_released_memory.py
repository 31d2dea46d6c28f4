"""Memory that is free goes back to the system."""
import inspect
import multiprocessing
import os
import resource
import subprocess
import sys

import numpy as np
import psutil
import pytest

from mvitv2_mm.engine.hooks import seed_worker
from mvitv2_mm.engine.memory import release


@pytest.mark.skipif(sys.platform != 'linux', reason='of glibc')
def test_free_pieces_go_back_to_the_system():
    pieces = [bytearray(2**16) for _ in range(2000)]
    del pieces[::2]
    before = psutil.Process().memory_info().rss
    release()
    assert before - psutil.Process().memory_info().rss > 2**25


def _count_pages():
    """Of 640 MB of arrays, and of as much again later."""
    counts = [resource.getrusage(resource.RUSAGE_SELF).ru_minflt]
    for _ in range(2):
        for _ in range(20):
            arrays = [np.ones(2**21, np.uint8) for _ in range(16)]
            del arrays
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    return np.diff(counts)[1]


def _count_pages_of_a_worker():
    seed_worker(0)
    return _count_pages()


FEW_PAGES = 20 * 2**25 / resource.getpagesize() / 10


@pytest.mark.skipif(sys.platform != 'linux', reason='of glibc')
def test_workers_use_memory_again():
    with multiprocessing.get_context('fork').Pool(1) as pool:
        assert pool.apply(_count_pages_of_a_worker) < FEW_PAGES


@pytest.mark.skipif(sys.platform != 'linux', reason='of glibc')
@pytest.mark.parametrize('setting', [{}, dict(MALLOC_TRIM_THRESHOLD_='131072')])
def test_commands_use_memory_again_unless_a_user_decides(setting, tmp_path):
    script = tmp_path / 'count.py'
    script.write_text('import resource\nimport numpy as np\n\n' + inspect.getsource(_count_pages) +
                      '\n\nprint(_count_pages())\n')
    result = subprocess.run([sys.executable, '-m', 'mvitv2_mm', 'run', script],
                            capture_output=True,
                            text=True,
                            env={
                                **os.environ,
                                **setting
                            })
    assert (int(result.stdout) < FEW_PAGES) == (not setting), result.stderr
