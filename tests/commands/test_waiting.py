"""Threads that wait soon give way in every process of a command, unless a user decides."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mvitv2_mm import doctor, waiting

ROOT = Path(__file__).parents[2]
VARIABLES = ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT', 'KMP_BLOCKTIME')


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    """No variable is set, and there is no GPU."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    for name in VARIABLES:
        monkeypatch.setenv(name, 'undone after the test, whatever happens in it')
        monkeypatch.delenv(name)


def spins(words, **variables):
    """How often the threads of every OpenMP library look before they sleep, as these say."""
    result = subprocess.run([sys.executable, *map(str, words)],
                            capture_output=True,
                            text=True,
                            cwd=ROOT,
                            env={
                                **os.environ, 'OMP_DISPLAY_ENV': 'verbose',
                                **variables
                            })
    found = re.findall("GOMP_SPINCOUNT = '(.*?)'", result.stderr)
    assert found, result.stderr
    return {int(count) for count in found}


@pytest.mark.parametrize('words', [['-m', 'mvitv2_mm', 'train'], ['tools/test.py']])
def test_the_library_of_the_process_that_computes(words):
    """It reports what it has read; the config that does not exist comes after the libraries."""
    found = spins([*words, 'no_config.py'])
    assert found == {3000} or found == {300}  # as busy as the machine is


@pytest.mark.parametrize('variables', [dict(GOMP_SPINCOUNT='7'), dict(OMP_WAIT_POLICY='ACTIVE')])
def test_what_a_user_sets_stays(variables):
    found = spins(['-m', 'mvitv2_mm', 'train', 'no_config.py'], **variables)
    assert len(found) == 1 and not found & {3000, 300}


@pytest.mark.parametrize('load, count', [(0., '3000'), (12., '3000'), (12.1, '300')])
def test_threads_sleep_sooner_where_others_compute(load, count, monkeypatch):
    """A training on all 8 cores that has just ended is no reason."""
    monkeypatch.delitem(sys.modules, 'torch')
    monkeypatch.setattr(os, 'cpu_count', lambda: 8)
    monkeypatch.setattr(os, 'getloadavg', lambda: (load, 0., 99.))
    waiting.give_way()
    assert os.environ['GOMP_SPINCOUNT'] == count


def test_a_setting_for_another_library_stays(monkeypatch):
    monkeypatch.delitem(sys.modules, 'torch')
    monkeypatch.setenv('KMP_BLOCKTIME', '200')
    waiting.give_way()
    assert 'GOMP_SPINCOUNT' not in os.environ
    assert waiting.describe() == 'as KMP_BLOCKTIME=200 says'


WORKERS = '''
import os
from torch.utils.data import DataLoader, Dataset

class Setting(Dataset):
    def __len__(self):
        return 1
    def __getitem__(self, index):
        return os.environ['GOMP_SPINCOUNT']

if __name__ == '__main__':
    for start in ('fork', 'spawn'):
        print(*DataLoader(Setting(), num_workers=1, multiprocessing_context=start))
'''


def test_data_workers(tmp_path):
    script = tmp_path / 'workers.py'
    script.write_text(WORKERS)
    result = subprocess.run([sys.executable, '-m', 'mvitv2_mm', 'run', script],
                            capture_output=True,
                            text=True,
                            cwd=ROOT)
    assert result.stdout in ("['3000']\n" * 2, "['300']\n" * 2), result.stderr


def test_too_late_or_beside_a_gpu(monkeypatch, tmp_path):
    waiting.give_way()  # torch is there
    assert waiting.describe() == 'the default, which is slow on a shared machine'
    monkeypatch.delitem(sys.modules, 'torch')
    monkeypatch.setattr(waiting, '_GPUS', (str(tmp_path), ))
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES')
    waiting.give_way()
    assert waiting.describe().endswith('; there is a GPU')
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    waiting.give_way()
    assert waiting.describe() in ('as GOMP_SPINCOUNT=3000 says', 'as GOMP_SPINCOUNT=300 says')


def test_the_doctor_tells(monkeypatch):
    monkeypatch.setenv('GOMP_SPINCOUNT', '0')
    found = {
        name: doctor.diagnose(name, check)
        for name, check in doctor.checks() if name == 'waiting threads'
    }
    assert found['waiting threads'].detail == 'as GOMP_SPINCOUNT=0 says'
