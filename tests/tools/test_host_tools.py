"""The hosts' own train.py and test.py work: importing ``mvitv2_mm.repairs`` is enough."""
import os
import pickle
import subprocess
import sys

import pytest

from mvitv2_mm.scripts import find_script, run_script


@pytest.mark.parametrize('task, script, option, samples', [
    ('image', 'mmpretrain:tools/test.py', '--out', 8),
    ('detection', 'mmdet:tools/test.py', '--out', 2),
    ('video', 'mmaction:tools/test.py', '--dump', 2),
])
def test_run_of_a_hosts_test_tool(task, script, option, samples, configs, checkpoints, tmp_path,
                                  monkeypatch):
    monkeypatch.setattr(sys, 'argv', sys.argv[:])
    monkeypatch.setattr(sys, 'path', sys.path[:])
    dump = str(tmp_path / 'result.pkl')
    args = [configs[task], checkpoints[task], '--work-dir', str(tmp_path), option, dump]
    if task == 'image':
        args += ['--out-item', 'pred']
    run_script(script, args)
    with open(dump, 'rb') as file:
        assert len(pickle.load(file)) == samples


def test_mmdets_train_tool_with_custom_imports_only(configs, tmp_path):
    """A plain ``python train.py``: the config imports the package, and that repairs mmdet."""
    script = str(find_script('mmdet:tools/train.py'))
    command = [sys.executable, script, configs['detection'], '--work-dir', str(tmp_path)]
    command += ['--cfg-options', 'optim_wrapper.type=mvitv2_mm.AmpOptimWrapper']
    result = subprocess.run(
        command,
        env=dict(os.environ, OMP_NUM_THREADS='1'),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True)
    assert result.returncode == 0, result.stdout[-3000:]
    assert (tmp_path / 'iter_4.pth').exists()
