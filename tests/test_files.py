"""Files that are whole or not there, whatever ends the process that writes them."""
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hearing import hear_all
from safetensors.numpy import save_file

from mvitv2_mm.checkpoints.io import write_file
from mvitv2_mm.files import DiskFull, replaced, write_text

# a command that writes for a minute, in the frame of all commands
WRITER = '''
import pathlib, sys, time
from mvitv2_mm.commands import flops
from mvitv2_mm.commands.frame import run_command
from mvitv2_mm.files import replaced

def write(args):
    with replaced(args.config) as temporary:
        temporary.write_text('half')
        print('writing', flush=True)
        time.sleep(60)

flops.run, flops.REPAIRS = write, False  # starts at once
sys.exit(run_command('flops', sys.argv[1:]))
'''


def writer(path, prefix=()):
    process = subprocess.Popen(
        [*prefix, sys.executable, '-c', WRITER, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hear_all,
        text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, sys.path))))
    assert process.stdout.readline() == 'writing\n'
    assert len(list(path.parent.iterdir())) == 2
    return process


@pytest.mark.parametrize('kind', [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_nothing_half_written(tmp_path, kind):
    path = tmp_path / 'result.txt'
    path.write_text('before')
    process = writer(path)
    process.send_signal(kind)
    assert process.wait(timeout=300) == 128 + kind
    assert os.listdir(tmp_path) == ['result.txt'] and path.read_text() == 'before'
    message = process.stderr.read().strip()
    assert message.startswith('mvitv2_mm flops: ') and '\n' not in message


@pytest.mark.skipif(not shutil.which('nohup'), reason='there is no nohup')
def test_what_is_ignored_stays_ignored(tmp_path):
    path = tmp_path / 'result.txt'
    path.write_text('before')
    process = writer(path, ['nohup'])
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    process.terminate()
    assert process.wait(timeout=300) == 128 + signal.SIGTERM


def write_in_another_process(path, *prefix):
    script = 'import sys; from mvitv2_mm.files import write_text; write_text(sys.argv[1], "after")'
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, sys.path)))
    subprocess.run([*prefix, sys.executable, '-c', script, str(path)], check=True, env=env)


def test_what_a_killed_process_left_goes_with_the_next(tmp_path):
    path = tmp_path / 'result.txt'
    path.write_text('before')
    killed = writer(path)
    killed.kill()
    killed.wait()
    assert len(os.listdir(tmp_path)) == 2 and path.read_text() == 'before'
    write_in_another_process(path)
    assert os.listdir(tmp_path) == ['result.txt'] and path.read_text() == 'after'
    living = writer(path)  # whose file stays while it lives
    try:
        write_in_another_process(tmp_path / 'b')
        assert len(os.listdir(tmp_path)) == 3
    finally:
        living.terminate()
        living.wait()


def test_files_of_another_container_stay(tmp_path):
    """Which has the name of this machine, but ids of its own for its processes."""
    container = 'unshare', '--pid', '--fork'
    if not shutil.which('unshare') or subprocess.run([*container, 'true']).returncode:
        pytest.skip('needs the right to start a container')
    path = tmp_path / 'result.txt'
    path.write_text('before')
    living = writer(path)
    try:
        write_in_another_process(tmp_path / 'b', *container)
        assert len(os.listdir(tmp_path)) == 3
    finally:
        living.terminate()
        living.wait()


def test_leftovers_of_other_machines_go_after_a_day(tmp_path):
    old, new, own = (
        tmp_path / name for name in ('.a.00000000-1-1.txt', '.b.00000000-1-1.txt', '.c.txt'))
    for path in (old, new, own):
        path.touch()
        age = 0 if path is new else 10**6
        os.utime(path, (time.time() - age, ) * 2)
    write_text(tmp_path / 'd', '')
    assert sorted(os.listdir(tmp_path)) == ['.b.00000000-1-1.txt', '.c.txt', 'd']


def numbers():
    return {'x': torch.zeros(200_000)}


WRITERS = {
    'a.pth': lambda path: write_file(dict(state_dict=numbers()), path),
    'a.safetensors': lambda path: write_file(numbers(), path),
    'a.pkl': lambda path: write_file(dict(model=numbers()), path),
    'a.txt': lambda path: write_text(path, 'x' * 10**6),
}


@pytest.fixture(params=['disk', 'limit'])
def full(request, tmp_path):
    """A folder that takes no more than 256 kB."""
    if request.param == 'limit':
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, hard))
        yield tmp_path, 'takes no file so large'
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        return
    words = ['mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', str(tmp_path)]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip('needs the right to mount a small disk')
    yield tmp_path, 'the disk is full'
    subprocess.run(['umount', '-l', str(tmp_path)], check=True)


@pytest.mark.parametrize('name', WRITERS)
def test_a_full_disk_is_named_and_nothing_is_lost(full, name):
    folder, reason = full
    (folder / name).write_text('before')
    with pytest.raises(DiskFull) as info:
        WRITERS[name](folder / name)
    assert reason in str(info.value) and str(folder / name) in str(info.value)
    assert os.listdir(folder) == [name] and (folder / name).read_text() == 'before'


@pytest.mark.parametrize('name', ['x' * 251 + '.txt', 'ä' * 125 + '.txt'])
def test_the_longest_names(tmp_path, name):
    write_text(tmp_path / name, 'text')
    assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_text() == 'text'


def test_other_errors_are_as_they_were(tmp_path):
    with pytest.raises(ValueError, match='^other$'), replaced(tmp_path / 'x') as temporary:
        save_file({'x': np.zeros(1)}, temporary)
        raise ValueError('other')
    assert not list(Path(tmp_path).iterdir())
