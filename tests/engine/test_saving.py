"""Checkpoints are whole or not there, and a run that ends early loses nothing."""
import errno
import fcntl
import os
import shutil
import signal
import zipfile
from pathlib import Path
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import LocalBackend
from mmengine.hooks import Hook
from small_training import equal, make_config, train

from mvitv2_mm.checkpoints import CheckpointError
from mvitv2_mm.checkpoints.io import read_file
from mvitv2_mm.engine import alone
from mvitv2_mm.engine.alone import alone_in
from mvitv2_mm.engine.finite import NotFiniteError
from mvitv2_mm.engine.resuming import find_resume
from mvitv2_mm.engine.stopping import Signals, StopHook

pytestmark = pytest.mark.usefixtures('fast')


class AskToEnd(Hook):
    """Another process sends a signal during an iteration."""

    def __init__(self, kind, iteration):
        self.kind, self.iteration = kind, iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            os.kill(os.getpid(), self.kind)


class DieInValidation(Hook):

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        raise KeyboardInterrupt


class DieInTraining(Hook):

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        raise KeyboardInterrupt


def resume(cfg, work_dir, *hooks):
    found = find_resume(Config(dict(cfg.to_dict(), work_dir=str(work_dir))))
    with Signals() as signals:
        return train(cfg, work_dir, [StopHook(signals), *hooks], resume=True, load_from=found)


@pytest.mark.parametrize('kind', [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_the_exit_status_names_the_signal(data, tmp_path, kind):
    cfg = make_config(data, 'epochs', 0)
    with Signals() as signals, pytest.raises(SystemExit) as end:
        train(cfg, tmp_path, [AskToEnd(kind, 1), StopHook(signals)])
    assert end.value.code == 128 + kind
    assert torch.load(tmp_path / 'stopped_iter_2.pth', weights_only=True)['meta']['iter'] == 2


def test_a_stopped_run_goes_on_in_the_middle_of_an_epoch(cfg, tmp_path):
    expected = train(cfg, tmp_path / 'whole')
    with Signals() as signals, pytest.raises(SystemExit):
        train(cfg, tmp_path / 'parts', [AskToEnd(signal.SIGTERM, 4), StopHook(signals)])
    assert (tmp_path / 'parts/stopped_iter_5.pth').exists()
    assert equal(resume(cfg, tmp_path / 'parts'), expected)
    assert not list(tmp_path.glob('parts/stopped*'))  # the regular one is newer


def test_gradients_that_add_up_are_not_lost(data, tmp_path):
    cfg = make_config(data, 'epochs', 0)
    cfg.optim_wrapper.accumulative_counts = 2
    expected = train(cfg, tmp_path / 'whole')
    with Signals() as signals, pytest.raises(SystemExit):
        train(cfg, tmp_path / 'parts', [AskToEnd(signal.SIGTERM, 4), StopHook(signals)])
    assert (tmp_path / 'parts/stopped_iter_6.pth').exists()
    assert equal(resume(cfg, tmp_path / 'parts'), expected)


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory):
    """Config and work dir of a whole training."""
    folder = tmp_path_factory.mktemp('trained')
    cfg = make_config(data, 'epochs', 0)
    cfg.default_hooks.checkpoint.save_best = 'auto'
    with mock.patch('mmengine.runner.Runner._log_env'):
        train(cfg, folder)
    return cfg, folder


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of the work dir: the run has moved."""
    return shutil.copytree(trained[1], tmp_path / 'moved')


def find(trained, folder):
    return find_resume(Config(dict(trained[0].to_dict(), work_dir=str(folder))))


def test_no_space_on_the_disk(data, tmp_path):
    """The second checkpoint cannot be written; the first one and its name stay."""
    cfg, put = make_config(data, 'epochs', 0), LocalBackend.put
    cfg.default_hooks.checkpoint.max_keep_ckpts = 1

    def fill_disk(backend, content, path):
        if 'epoch_2' in str(path):
            put(backend, content[:len(content) // 2], path)
            raise OSError(28, 'No space left on device')
        put(backend, content, path)

    with mock.patch.object(LocalBackend, 'put', fill_disk), pytest.raises(OSError, match='space'):
        train(cfg, tmp_path)
    assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_1.pth']
    assert not list(tmp_path.glob('.*'))
    assert Path((tmp_path / 'last_checkpoint').read_text()).name == 'epoch_1.pth'


def test_the_old_best_stays_until_there_is_a_new_one(data, tmp_path):
    cfg, scores = make_config(data, 'epochs', 0), iter([1., 2.])
    cfg.default_hooks.checkpoint.update(save_best='auto', rule='greater')
    put = LocalBackend.put

    def fail(backend, content, path):
        if 'best' in str(path) and list(tmp_path.glob('best*')):
            raise OSError(28, 'No space left on device')
        put(backend, content, path)

    better = mock.patch('mmengine.evaluator.Evaluator.evaluate', lambda *_: dict(top1=next(scores)))
    with better, mock.patch.object(LocalBackend, 'put', fail), pytest.raises(OSError):
        train(cfg, tmp_path)
    assert [path.name for path in tmp_path.glob('best*')] == ['best_top1_epoch_1.pth']
    read_file(tmp_path / 'best_top1_epoch_1.pth')


@pytest.mark.parametrize('content', ['', '\0\1garbage', '/of/before/a/move/epoch_2.pth', None])
def test_last_checkpoint_is_not_what_it_should_be(trained, folder, content):
    (folder / 'last_checkpoint').unlink()
    if content is not None:
        (folder / 'last_checkpoint').write_text(content)
    assert find(trained, folder) == str(folder / 'epoch_2.pth')


def damage(path):
    """Change one bit of the weights."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda part: part.file_size)
    content[largest.header_offset + largest.file_size // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_is_passed_over_with_a_word(trained, folder):
    damage(folder / 'epoch_2.pth')
    with pytest.raises(CheckpointError, match='epoch_2.pth is damaged'):
        read_file(folder / 'epoch_2.pth')
    with mock.patch('mvitv2_mm.engine.resuming.print_log') as log:
        assert find(trained, folder) == str(folder / 'epoch_1.pth')
    assert 'epoch_2.pth is damaged' in str(log.call_args_list)
    (folder / 'epoch_1.pth').write_bytes(b'')
    with pytest.raises(CheckpointError, match='epoch_1.pth is empty.*No checkpoint'):
        find(trained, folder)


def test_a_folder_without_checkpoints_is_a_new_training(trained, tmp_path):
    assert find(trained, tmp_path) is None


def test_a_validation_that_was_cut_off_is_made_up_for(trained, tmp_path):
    cfg, whole = trained
    with pytest.raises(KeyboardInterrupt):
        train(cfg, tmp_path, [DieInValidation()])
    assert not list(tmp_path.glob('best*'))
    resume(cfg, tmp_path)
    best = [{
        path.name: torch.load(path, weights_only=True)['state_dict']
        for path in folder.glob('best*')
    } for folder in (whole, tmp_path)]
    assert best[0] and best[0].keys() == best[1].keys()
    for name, state in best[0].items():
        assert all(torch.equal(value, best[1][name][key]) for key, value in state.items())


def test_a_kill_after_a_validation_that_was_made_up_for(trained, tmp_path):
    """Its score is known to the next run, and what was half-written when it began is gone."""
    cfg, whole = trained
    with pytest.raises(KeyboardInterrupt):
        train(cfg, tmp_path, [DieInValidation()])
    (tmp_path / '.epoch_1.pth.part').write_bytes(b'half')
    with pytest.raises(KeyboardInterrupt):
        resume(cfg, tmp_path, DieInTraining())
    assert not list(tmp_path.glob('.*.part'))
    known = [
        read_file(folder / 'epoch_1.pth')['message_hub']['runtime_info']['best_score']
        for folder in (whole, tmp_path)
    ]
    assert known[0] == known[1]
    assert equal(resume(cfg, tmp_path), train(cfg, tmp_path / 'again'))


def test_a_run_that_is_complete_does_not_validate_again(trained, folder):
    with mock.patch('mmengine.runner.loops.ValLoop.run') as run:
        resume(trained[0], folder)
    assert not run.called


def change(path, function):
    content = read_file(path)
    function(content)
    torch.save(content, path)
    return dict(resume=True, load_from=str(path))


@pytest.mark.parametrize('lost', ['message_hub', 'iter'])
def test_a_checkpoint_of_another_library(trained, folder, lost):
    resumed = change(folder / 'epoch_1.pth', lambda content:
                     (content.pop(lost, 0), content['meta'].pop(lost, 0)))
    with pytest.raises(CheckpointError, match=f'MMEngine: it lacks {lost}. Resume .* load_from'):
        train(trained[0], folder, **resumed)


def test_no_code_in_a_checkpoint_is_run(trained, folder):
    code = f'open({str(folder / "run")!r}, "w")'
    resumed = change(folder / 'epoch_1.pth', lambda content: content['meta'].update(config=code))
    train(trained[0], folder, **resumed)
    assert not (folder / 'run').exists()


class SpoilLoss(Hook):
    """Gives the parameters of the head a gradient that is no number, or the loss itself."""

    def __init__(self, iteration, what):
        self.iteration, self.what = iteration, what

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration and self.what == 'loss':
            data_batch['inputs'][0] = data_batch['inputs'][0] * float('nan')
        elif runner.iter == self.iteration:
            weight = runner.model.head.fc.weight
            weight.register_hook(lambda gradient: gradient * float('nan'))


@pytest.mark.parametrize('what, iteration, saved', [('loss', 5, 'epoch_1'), ('gradient', 3, None)])
def test_what_is_no_number_is_said_and_not_saved(data, tmp_path, what, iteration, saved):
    cfg = make_config(data, 'epochs', 0)
    with pytest.raises(NotFiniteError, match=f'iteration {iteration + 1} .*learning rate'):
        train(cfg, tmp_path, [SpoilLoss(iteration, what)])
    assert [path.stem for path in tmp_path.glob('*.pth')] == ([saved] if saved else [])
    assert not list(tmp_path.glob('.*.part'))


def test_the_files_of_the_batch_are_named(data, tmp_path):
    with pytest.raises(NotFiniteError, match=r'class\d/.*\.png'):
        train(make_config(data, 'epochs', 0), tmp_path, [SpoilLoss(0, 'loss')])


def test_a_work_dir_is_for_one_training(tmp_path):
    with alone_in(tmp_path):
        with pytest.raises(OSError, match=f'process {os.getpid()} on'):
            with alone_in(tmp_path):
                pass
    with alone_in(tmp_path):
        pass


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch):

    def flock(*args):
        raise OSError(errno.ENOLCK, 'No locks available')

    lines = []
    monkeypatch.setattr(fcntl, 'flock', flock)
    monkeypatch.setattr(alone, 'print_log', lambda text, *_: lines.append(text))
    with alone_in(tmp_path):
        assert (tmp_path / '.owner').exists()
    assert len(lines) == 1 and f'{tmp_path} is on a file system without locks' in lines[0]
