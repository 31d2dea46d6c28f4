"""A data worker that dies or hangs ends a run in one line, and never in a hang."""
import os
import signal
import subprocess
import sys
import time

import pytest
from mmengine.config import Config
from torch.utils.data import DataLoader, Dataset

from mvitv2_mm.engine.early_checks import check_data
from mvitv2_mm.engine.loaders import explained_workers, limit_waiting


class Fails(Dataset):

    def __init__(self, what):
        self.what = what

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == 2:
            self.what()
        return index


def hang():
    time.sleep(60)


def die():
    os.kill(os.getpid(), signal.SIGBUS)


def read(what):
    with explained_workers():
        list(DataLoader(Fails(what), num_workers=1, timeout=1))


@pytest.mark.parametrize('what, message', [
    ('hang', 'DataLoader timed out after 1 seconds'),
    ('die', 'A data worker hangs or was killed'),
])
def test_the_error_names_the_remedy(what, message):
    """In a process of its own: PyTorch raises wherever the main thread happens to be."""
    result = subprocess.run([sys.executable, __file__, what], capture_output=True, text=True)
    assert message in result.stdout and '--shm-size' in result.stdout, result.stderr


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match='^mine$'), explained_workers():
        raise RuntimeError('mine')


def test_loaders_with_workers_get_a_limit():
    cfg = Config(
        dict(
            train_dataloader=dict(num_workers=2),
            val_dataloader=dict(num_workers=0),
            test_dataloader=dict(num_workers=2, timeout=5)))
    limit_waiting(cfg, ['train', 'val', 'test'])
    assert cfg.train_dataloader.timeout == 600
    assert 'timeout' not in cfg.val_dataloader and cfg.test_dataloader.timeout == 5


def test_a_temporary_folder_that_is_too_deep_for_sockets(tmp_path):
    folder = tmp_path / ('deep' * 25)
    folder.mkdir()
    env = dict(os.environ, TMPDIR=str(folder), PYTHONPATH=os.pathsep.join([os.getcwd(), *sys.path]))
    result = subprocess.run([sys.executable, __file__, 'sockets'],
                            capture_output=True,
                            text=True,
                            env=env)
    assert f'sockets in "{folder}"' in result.stdout, result.stderr


def sockets():
    loader = dict(num_workers=1, dataset=dict())
    check_data(Config(dict(train_dataloader=loader)), ['train'])


if __name__ == '__main__':
    try:
        sockets() if sys.argv[1] == 'sockets' else read(globals()[sys.argv[1]])
    except OSError as error:  # of which LoaderError is one
        print(error, flush=True)
    os._exit(0)
