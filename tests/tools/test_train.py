"""The command ``train``, in-process on tiny data."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.optim import AmpOptimWrapper
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

ROOT = Path(__file__).parents[2]
TASKS = ('image', 'detection', 'video')


def load(work_dir: Path) -> dict:
    path = (work_dir / 'last_checkpoint').read_text()
    return torch.load(path, map_location='cpu', weights_only=True)


def assert_same(first, second) -> None:
    assert type(first) is type(second)
    if isinstance(first, torch.Tensor):
        torch.testing.assert_close(first, second, rtol=0, atol=0)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same(first[key], second[key])
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second)
        for pair in zip(first, second):
            assert_same(*pair)
    else:
        assert first == second


@pytest.fixture
def kill_at(monkeypatch):
    """Arrange that training dies at the n-th iteration from now."""

    def arrange(n: int) -> None:
        for loop in (EpochBasedTrainLoop, IterBasedTrainLoop):
            run_iter = loop.run_iter

            def dying_run_iter(self, *args, run_iter=run_iter):
                if self.runner.iter == n:
                    raise KeyboardInterrupt
                run_iter(self, *args)

            monkeypatch.setattr(loop, 'run_iter', dying_run_iter)

    return arrange


# iterations per epoch: 4, 1 and 1; the checkpoint before the kill is from iteration 4, 2 and 1
@pytest.mark.parametrize('task, kill', [('image', 6), ('detection', 3), ('video', 1)])
def test_resumed_equals_uninterrupted(task, kill, configs, checkpoints, train, tmp_path, kill_at,
                                      monkeypatch):
    kill_at(kill)
    args = [configs[task], '--work-dir', tmp_path]
    with pytest.raises(SystemExit, match='interrupted'):
        train(args)
    early = load(tmp_path)
    monkeypatch.undo()
    runner = train(args + ['--resume'])
    late, expected = load(tmp_path), torch.load(checkpoints[task], weights_only=True)
    assert runner.iter == expected['meta']['iter'] > early['meta']['iter']
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_same(late[part], expected[part])
    with pytest.raises(AssertionError):
        assert_same(early['state_dict'], expected['state_dict'])


def test_resume_from_a_path(configs, checkpoints, train, tmp_path):
    early = Path(checkpoints['image']).with_name('epoch_1.pth')
    train([configs['image'], '--work-dir', tmp_path, '--resume', early])
    expected = torch.load(checkpoints['image'], weights_only=True)
    assert_same(load(tmp_path)['state_dict'], expected['state_dict'])


@pytest.mark.parametrize('task', TASKS)
def test_amp_trains_and_validates(task, configs, train, tmp_path):
    runner = train([configs[task], '--work-dir', tmp_path, '--amp'])
    assert isinstance(runner.optim_wrapper, AmpOptimWrapper)
    scalars = runner.message_hub.log_scalars
    assert all(
        torch.tensor(scalars[key].data[0]).isfinite().all() for key in scalars
        if key.startswith('train/loss'))
    assert any(key.startswith('val/') for key in scalars)
    assert runner.model.backbone.patch_embed.projection.weight.dtype == torch.float32


def test_amp_dtype_implies_amp(configs, train, tmp_path):
    runner = train([
        configs['image'], '--work-dir', tmp_path, '--amp-dtype', 'bfloat16', '--no-validate',
        '--cfg-options', 'train_cfg.max_epochs=1'
    ])
    assert runner.optim_wrapper.cast_dtype == torch.bfloat16
    assert runner.val_loop is None
    assert runner.max_epochs == 1


@pytest.mark.parametrize('enabled', [True, False])
def test_auto_scale_lr(enabled, configs, train, tmp_path):
    runner = train(
        [configs['image'], '--work-dir', tmp_path, '--no-validate', *['--auto-scale-lr'] * enabled])
    lr = runner.optim_wrapper.param_groups[0]['initial_lr']
    assert lr == pytest.approx(1e-3 * (2 / 16 if enabled else 1))


def test_work_dir_defaults_to_the_name_of_the_config(configs, train, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train([configs['image'], '--no-validate'])
    assert (tmp_path / 'work_dirs' / 'image' / 'epoch_2.pth').is_file()


@pytest.mark.slow
@pytest.mark.parametrize('number', [2, 3])
def test_processes_equal_one_with_as_many_times_the_batch(number, configs, checkpoints, train, port,
                                                          tmp_path):
    env = dict(os.environ, PYTHON=sys.executable, OMP_NUM_THREADS='1', PORT=port)
    script = [str(ROOT / 'tools' / 'dist_train.sh'), configs['image'], str(number)]
    options = ['--no-validate', '--cfg-options', 'train_dataloader.dataset.indices=6']
    result = subprocess.run([*script, '--work-dir', tmp_path / 'several', *options],
                            env=env,
                            capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    assert f'GPU number: {number}' in result.stdout + result.stderr
    train([
        configs['image'], '--work-dir', tmp_path / 'one', *options,
        f'train_dataloader.batch_size={2 * number}'
    ])
    several, one = (load(tmp_path / name)['state_dict'] for name in ('several', 'one'))
    other = torch.load(checkpoints['image'], weights_only=True)['state_dict']  # batch of 2
    for key in one:
        torch.testing.assert_close(several[key], one[key], rtol=1e-2, atol=1e-4)
    name = 'head.fc.weight'
    assert not torch.allclose(several[name], other[name], rtol=1e-2, atol=1e-4)


@pytest.mark.slow
def test_two_processes_test_a_model(configs, checkpoints, port, tmp_path):
    env = dict(os.environ, PYTHON=sys.executable, OMP_NUM_THREADS='1', PORT=port)
    metrics = tmp_path / 'metrics.json'
    script = [str(ROOT / 'tools' / 'dist_test.sh'), configs['image'], checkpoints['image'], '2']
    result = subprocess.run(
        script + ['--work-dir', tmp_path / 'two', '--out-metrics', metrics],
        env=env,
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    assert metrics.is_file()


@pytest.mark.slow
def test_sharded_training_resumes_and_is_tested_unsharded(configs, train, test, port, tmp_path):
    """FSDP mixed into a config; two processes equal one with twice the batch."""
    config, work_dir = tmp_path / 'sharded.py', tmp_path / 'two'
    bases = [configs['image'], str(ROOT / 'configs' / '_base_' / 'fsdp.py')]
    config.write_text(f'_base_ = {bases}\n')
    env = dict(
        os.environ, PYTHON=sys.executable, OMP_NUM_THREADS='1', PORT=port, CUDA_VISIBLE_DEVICES='')
    script = [str(ROOT / 'tools' / 'dist_train.sh'), str(config), '2', '--work-dir', work_dir]
    for arguments in (['--cfg-options', 'train_cfg.max_epochs=1',
                       'param_scheduler.end=2'], ['--resume']):
        result = subprocess.run(script + arguments, env=env, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr[-2000:]
    train([
        configs['image'], '--work-dir', tmp_path / 'one', '--no-validate', '--cfg-options',
        'train_dataloader.batch_size=4'
    ])
    two, one = (load(tmp_path / name)['state_dict'] for name in ('two', 'one'))
    assert two.keys() == one.keys()
    for key in one:
        torch.testing.assert_close(two[key], one[key], rtol=1e-2, atol=1e-4)
    early = torch.load(work_dir / 'epoch_1.pth', weights_only=True)['state_dict']
    assert not torch.allclose(early['head.fc.weight'], one['head.fc.weight'], rtol=1e-2, atol=1e-4)
    checkpoint = str(work_dir / 'epoch_2.pth')
    metrics = [
        test([path, checkpoint, '--work-dir', tmp_path]) for path in (configs['image'], str(config))
    ]
    assert metrics[0] == metrics[1]


def rates(runner) -> list:
    history, updates = runner.message_hub.get_scalar('train/lr').data
    return history[:len(updates)].tolist()


@pytest.fixture(scope='module')
def four_epochs(configs, train, tmp_path_factory):
    """Options of a longer training with a smaller rate, and its rates in the last two epochs."""
    options = ['train_cfg.max_epochs=4', 'optim_wrapper.optimizer.lr=5e-4']
    args = [configs['image'], '--no-validate', '--work-dir', tmp_path_factory.mktemp('whole')]
    whole = rates(train([*args, '--cfg-options', *options]))
    assert len(whole) == 16 and whole[0] == 5e-4 and whole[-1] < 1e-4
    return options, whole[8:]


def test_a_resumed_training_follows_its_new_schedule(configs, checkpoints, train, tmp_path,
                                                     four_epochs):
    options, expected = four_epochs
    options = [*options, 'optim_wrapper.optimizer.weight_decay=0.2']
    early = Path(checkpoints['image']).with_name('epoch_2.pth')
    runner = train([
        configs['image'], '--no-validate', '--work-dir', tmp_path, '--resume', early,
        '--cfg-options', *options
    ])
    assert rates(runner)[-8:] == pytest.approx(expected)
    assert {group['weight_decay'] for group in runner.optim_wrapper.param_groups} == {0.2}
    steps = {int(state['step']) for state in runner.optim_wrapper.optimizer.state.values()}
    assert steps == {16}  # the averages of the optimizer are those of the checkpoint


@pytest.mark.parametrize('option, expected', [
    ('model.head.num_classes=3', r'head.fc.bias is \(2,\) and not \(3,\)'),
    ('optim_wrapper.optimizer.type=SGD', 'an optimizer of another kind'),
])
def test_what_cannot_be_resumed_is_one_line(option, expected, configs, checkpoints, train,
                                            tmp_path):
    with pytest.raises(SystemExit, match=expected) as info:
        train([
            configs['image'], '--no-validate', '--work-dir', tmp_path, '--resume',
            checkpoints['image'], '--cfg-options', option, 'train_cfg.max_epochs=3'
        ])
    assert '\n' not in info.value.code and 'load_from' in info.value.code
