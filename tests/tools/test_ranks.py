"""Trainings of several processes, through the scripts that start them."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
# a hook with which process 1 fails in the 4th iteration, once
FAULT = '''
import os
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class Fault(Hook):

    def __init__(self, mark):
        self.mark = mark

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.rank == 1 and runner.iter == 3 and not os.path.exists(self.mark):
            open(self.mark, 'w').close()
            raise RuntimeError('a fault of its own')
'''


def launch(script, arguments, **env):
    """Start a script of tools/ with processes on the CPU."""
    path = os.pathsep.join([str(Path(arguments[0]).parent), str(ROOT)])
    env = dict(
        os.environ,
        PYTHON=sys.executable,
        OMP_NUM_THREADS='1',
        CUDA_VISIBLE_DEVICES='',
        PYTHONPATH=path,
        **env)
    command = [str(ROOT / 'tools' / script), *map(str, arguments)]
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def output(process):
    log = process.communicate(timeout=240)[0]
    assert process.returncode == 0, log[-3000:]
    return log


def weights(work_dir):
    path = (work_dir / 'last_checkpoint').read_text()
    return torch.load(path, map_location='cpu', weights_only=True)['state_dict']


def weights_of_one(train, configs, work_dir, *arguments):
    """Of one process with batches of 4; ``arguments`` may end with options of the config."""
    options = [] if '--cfg-options' in arguments else ['--no-validate', '--cfg-options']
    train([
        configs['image'], '--work-dir',
        str(work_dir), *arguments, *options, 'train_dataloader.batch_size=4'
    ])
    return weights(work_dir)


def scores(work_dir):
    """What every validation of a training measured."""
    path, = work_dir.glob('*/vis_data/scalars.json')
    lines = map(json.loads, path.read_text().splitlines())
    return [line['accuracy/top1'] for line in lines if 'accuracy/top1' in line]


def assert_close(first, second):
    for key in first:
        torch.testing.assert_close(first[key], second[key], rtol=1e-2, atol=1e-4)


@pytest.mark.slow
def test_a_process_that_fails_is_started_again(train, configs, tmp_path):
    """It says why, and the job goes on by itself to the end of one process."""
    config, two = tmp_path / 'faulty.py', tmp_path / 'two'
    (tmp_path / 'fault_of_a_rank.py').write_text(FAULT)
    imports = ['mvitv2_mm', 'mvitv2_mm.datasets.mmpretrain.image_dataset', 'fault_of_a_rank']
    hook = dict(type='mmengine.Fault', mark=str(tmp_path / 'done'))
    config.write_text(f'_base_ = {configs["image"]!r}\ncustom_imports = dict(imports={imports})\n'
                      f'custom_hooks = [{hook}]\n')
    command = [config, 2, '--resume', '--no-validate', '--work-dir', two]
    log = output(launch('dist_train.sh', command, MAX_RESTARTS='1'))
    own, others = log.find('RuntimeError: a fault of its own'), log.find(
        'mvitv2_mm train: process 0')
    assert -1 < own < others
    assert 'Another process has ended' in log and log.count('Traceback') == 1
    assert f'the training goes on from {two}/epoch_1.pth' in log
    assert_close(weights(two), weights_of_one(train, configs, tmp_path / 'one'))


@pytest.mark.slow
def test_two_machines(configs, train, port, tmp_path):
    """Of two processes each; they equal one process, which goes on where they stopped."""
    four, options = tmp_path / 'four', ['--cfg-options', 'val_dataloader.dataset.indices=7']
    command = [configs['image'], 2, '--work-dir', four, *options, 'train_dataloader.batch_size=1']
    machines = [
        launch('dist_train.sh', command, NNODES='2', NODE_RANK=str(i), PORT=port) for i in range(2)
    ]
    for machine in machines:
        output(machine)
    expected = weights_of_one(train, configs, tmp_path / 'one', *options)
    assert_close(weights(four), expected)
    metrics = [scores(folder) for folder in (four, tmp_path / 'one')]
    assert len(metrics[0]) == 2 and metrics[0] == pytest.approx(metrics[1])  # 7 samples each
    start = ['--resume', str(four / 'epoch_1.pth')]
    assert_close(weights_of_one(train, configs, tmp_path / 'rest', *start), expected)
