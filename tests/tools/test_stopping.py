"""Trainings that are asked to end, in processes of their own."""
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONG = ['--no-validate', '--cfg-options', 'train_cfg.max_epochs=100000']
WORKER = [
    'train_dataloader.num_workers=1', 'train_dataloader.persistent_workers=True',
    'train_dataloader.dataset.type=mvitv2_mm.ImageDataset'
]


def started(command, work_dir, **env):
    """A process in which the training has begun."""
    log = open(work_dir.with_suffix('.log'), 'w')
    environment = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='', **env)
    process = subprocess.Popen(
        command + ['--work-dir', str(work_dir)], stdout=log, stderr=log, env=environment, cwd=ROOT)
    for _ in range(3000):
        if list(work_dir.glob('epoch_*.pth')):
            return process
        assert process.poll() is None, work_dir.with_suffix('.log').read_text()[-2000:]
        time.sleep(0.1)
    raise AssertionError('the training does not begin')


def running(work_dir):
    """Ids of processes whose command line names a folder."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            found += [path.parent.name] * (str(work_dir).encode() in path.read_bytes())
        except OSError:
            pass  # has ended
    return found


def signal_all(work_dir, kind):
    """To data workers too, as slurm and systemd do; torchrun then sends it once more."""
    for process in running(work_dir):
        with suppress(ProcessLookupError):
            os.kill(int(process), kind)


@pytest.mark.skipif(not Path('/proc').is_dir(), reason='looks for processes in /proc')
def test_one_process_saves_and_says_so(configs, train, tmp_path):
    work_dir = tmp_path / 'work'
    command = [sys.executable, '-m', 'mvitv2_mm', 'train', configs['image'], *LONG, *WORKER]
    process = started(command, work_dir)
    with pytest.raises(AssertionError, match='is in use: process'):
        started(command, work_dir).wait()
        raise AssertionError(work_dir.with_suffix('.log').read_text())
    signal_all(work_dir, signal.SIGTERM)
    assert process.wait(timeout=300) == 128 + signal.SIGTERM
    stopped, = work_dir.glob('stopped_iter_*.pth')
    assert (work_dir / 'last_checkpoint').read_text() == str(stopped)


@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc').is_dir(), reason='looks for processes in /proc')
@pytest.mark.parametrize('kind', [signal.SIGTERM, signal.SIGUSR1])
def test_several_processes_stop_after_the_same_step(configs, tmp_path, kind):
    work_dir = tmp_path / 'work'
    command = [str(ROOT / 'tools/dist_train.sh'), configs['image'], '2', *LONG, *WORKER]
    process = started(command, work_dir, PYTHON=sys.executable)
    signal_all(work_dir, kind)
    assert process.wait(timeout=300) != 0
    assert len(list(work_dir.glob('stopped_iter_*.pth'))) == 1
    assert not running(work_dir)
    log = work_dir.with_suffix('.log').read_text()
    assert f'{kind.name}: the training ends here' in log
