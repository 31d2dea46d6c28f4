"""Commands that start others do not leave them behind."""
import os
import signal
import subprocess
import sys
import time

import pytest
from hearing import hear_all

PARENT = '''
import sys
from mvitv2_mm.children import child
with child([sys.executable, '-c', sys.argv[1]]):
    pass
'''
# a training that saves what it has
CHILD = '''
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path("saved").touch(), sys.exit(143)))
pathlib.Path("started").touch()
time.sleep(60)
'''


@pytest.mark.parametrize('kind', [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on(tmp_path, kind):
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([os.getcwd(), *sys.path]))
    parent = subprocess.Popen([sys.executable, '-c', PARENT, CHILD],
                              cwd=tmp_path,
                              env=env,
                              preexec_fn=hear_all)
    for _ in range(3000):
        if (tmp_path / 'started').exists():
            break
        time.sleep(0.1)
    parent.send_signal(kind)
    assert parent.wait(timeout=300) == 128 + kind
    assert (tmp_path / 'saved').exists()  # it was waited for


# a library that takes every error for one of its own; the second signal comes while it tidies up
TRYING = '''
import os, signal, sys, time
from mvitv2_mm.children import tidy_end
with tidy_end():
    try:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            print('tidy')
    except:
        raise SyntaxError('not mine')
'''


def test_no_library_makes_another_error_of_it():
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([os.getcwd(), *sys.path]))
    result = subprocess.run([sys.executable, '-c', TRYING], capture_output=True, text=True, env=env)
    assert (result.returncode, result.stdout, result.stderr) == (143, 'tidy\n', '')
