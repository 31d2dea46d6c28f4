"""Memory that is free goes back to the system."""
import sys

import psutil
import pytest

from mvitv2_mm.engine.memory import release


@pytest.mark.skipif(sys.platform != 'linux', reason='of glibc')
def test_free_pieces_go_back_to_the_system():
    pieces = [bytearray(2**16) for _ in range(2000)]
    del pieces[::2]
    before = psutil.Process().memory_info().rss
    release()
    assert before - psutil.Process().memory_info().rss > 2**25
