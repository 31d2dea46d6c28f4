"""A data worker that dies or hangs ends a run in one line that names its sample, not in a hang."""
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from torch.utils.data import DataLoader

from mvitv2_mm.datasets.unreadable import ReplacesUnreadable
from mvitv2_mm.engine import lost_workers
from mvitv2_mm.engine.checks import check_config
from mvitv2_mm.engine.lost_workers import LoaderError, explained_workers, limit_waiting


class Pictures(ReplacesUnreadable, BaseDataset):
    """Stands for a decoder: one of the pictures is too much for it."""

    def __init__(self, what):
        self.what = what
        super().__init__(time_limit=0.5)

    def load_data_list(self):
        return [dict(img_path=f'{i}.png') for i in range(8)]

    def prepare_data(self, index):
        if index == 2:
            self.what()
        return index


def hang():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # cannot be interrupted
    time.sleep(600)


def die():
    os.kill(os.getpid(), signal.SIGBUS)


def be_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def read(what):
    loader = DataLoader(Pictures(what), num_workers=2, timeout=2 if what is hang else 600)
    with explained_workers(SimpleNamespace(_train_loop=SimpleNamespace(dataloader=loader))):
        batches = iter(loader)
        while what is hang and states(loader.dataset) != [(2, True), (3, False)]:
            time.sleep(0.01)  # until one hangs and the other has nothing to do
        list(batches)


def states(dataset):
    """Sample of each worker, and whether it is being read."""
    return [(held.sample, held.seconds > 0) for _, held in dataset.held()]


@pytest.mark.parametrize('what', ['die', 'be_killed', 'hang'])
def test_errors_name_sample_and_remedy(what):
    """In a process of its own: PyTorch raises wherever the main thread happens to be."""
    start = time.monotonic()
    line, error = say(what)
    assert 'A data worker hangs or was killed while it read 2.png' in line, error
    assert '--shm-size' in line and line.count('.png') == 1
    if what == 'hang':
        assert line.startswith('DataLoader timed out after 2 seconds')
        assert 2 <= int(re.search(r'read 2.png for (\d+) s\.', line)[1]) <= time.monotonic() - start


def say(*words, **env):
    """What this file prints as a program, and the errors that nobody caught."""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([os.getcwd(), *sys.path]), **env)
    result = subprocess.run([sys.executable, __file__, *words],
                            capture_output=True,
                            text=True,
                            env=env,
                            timeout=300)
    return result.stdout, result.stderr


class Sender:
    """Stands for the queue of a worker that is killed in the middle of a message."""

    def get(self, timeout):
        raise pickle.UnpicklingError('pickle data was truncated')


def lose_half_a_message():
    with explained_workers(SimpleNamespace()):
        batches = iter(DataLoader(Pictures(int), num_workers=1))
        batches._data_queue = Sender()
        yield batches._workers[0]
        next(batches)


def test_half_a_message_is_a_lost_worker(monkeypatch):
    monkeypatch.setattr(lost_workers, '_MOMENT', 0)
    with pytest.raises(LoaderError, match='truncated. A data worker hangs or was killed'):
        list(lose_half_a_message())


def lose_half_a_message_and_its_sender():
    """PyTorch reports the end of the worker wherever this process is by then."""
    lost = lose_half_a_message()
    worker = next(lost)

    def sleep(seconds):
        worker.kill()
        threading.Event().wait(600)

    lost_workers.time = SimpleNamespace(sleep=sleep)
    next(lost)


def test_what_is_lost_twice_is_reported_once():
    line, error = say('lose_half_a_message_and_its_sender')
    assert re.match(r'DataLoader worker \(pid \d+\) is killed by signal: Killed\. .*shm-size',
                    line), error


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match='^mine$'), explained_workers(SimpleNamespace()):
        raise RuntimeError('mine')


def test_loaders_with_workers_get_a_limit():
    cfg = Config(
        dict(
            train_dataloader=dict(num_workers=2, dataset=dict(time_limit=400)),
            val_dataloader=dict(num_workers=0),
            test_dataloader=dict(num_workers=2, timeout=5)))
    limit_waiting(cfg, ['train', 'val', 'test'])
    assert cfg.train_dataloader.timeout == 800
    assert 'timeout' not in cfg.val_dataloader and cfg.test_dataloader.timeout == 5
    cfg.train_dataloader = dict(num_workers=2)
    limit_waiting(cfg, ['train'])
    assert cfg.train_dataloader.timeout == 600


def test_a_temporary_folder_that_is_too_deep_for_sockets(tmp_path):
    folder = tmp_path / ('deep' * 25)
    folder.mkdir()
    line, error = say('sockets', TMPDIR=str(folder))
    assert f'sockets in "{folder}"' in line, error


def sockets():
    loader = dict(num_workers=1, dataset=dict())
    check_config(Config(dict(train_dataloader=loader)), ['train'])


if __name__ == '__main__':
    step = globals()[sys.argv[1]]
    try:
        read(step) if step in (die, be_killed, hang) else step()
    except OSError as error:  # of which LoaderError is one
        print(error, flush=True)
    os._exit(0)
