"""One call from own data to a tested model, and the same call again."""
import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mvitv2_mm.checkpoints.model_source import open_model
from mvitv2_mm.dry_run import read_dry_run
from mvitv2_mm.errors import UsageError
from mvitv2_mm.own_data import finetune as module
from mvitv2_mm.own_data import recognise, trial, with_validation, write
from mvitv2_mm.own_data.finetune import finetune
from mvitv2_mm.own_data.job import Job
from mvitv2_mm.own_data.networks import choose_start
from mvitv2_mm.own_data.recipe import make_config


def make_data(root, count=10, classes=('blue', 'red')):
    """Small pictures, blue or red, in one folder per class and without a split."""
    noise = np.random.default_rng(0)
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(count):
            image = noise.integers(0, 80, (36, 36, 3))
            image[..., (0, 2, 1)[label]] += 150
            cv2.imwrite(str(root / name / f'{i}.png'), image)
    return root


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    """A finished fine-tuning of two epochs: its folder, arguments and result."""
    folder = tmp_path_factory.mktemp('finetune')
    arguments = dict(
        data=make_data(folder / 'data'), model='none', epochs=2, out=folder / 'work_dir')
    return folder / 'work_dir', arguments, finetune(**arguments)


def test_all_results_are_there(done):
    out, arguments, result = done
    assert result['task'] == 'image' and result['metrics']['accuracy/top1'] >= 50
    cfg = Config.fromfile(out / 'config.py')
    assert cfg.classes == ['blue', 'red'] and cfg.train_cfg.max_epochs == 2
    assert cfg.train_dataloader.batch_size == 16 and cfg.model.backbone.input_size == 32
    for name in ('predictions.png', 'dry_run/batch_1.png'):
        assert cv2.imread(str(out / name)).size
    page = (out / 'report.html').read_text()
    assert '<td>equal</td>' in page and 'DIFFERENT' not in page
    assert 'learning rate' in page and 'No predictions' not in page
    assert f'{out.name}/models/best ' in result['predict']
    plan = read_dry_run(out)['plan']
    assert (plan['epochs'], plan['samples_per_step'], plan['val_samples']) == (2, 16, 4)
    model = open_model(result['model'])
    assert (model.task, model.classes) == ('image', ('blue', 'red'))
    split = json.loads((out / 'data' / 'split.json').read_text())
    assert len(split['val']) == 4 and len(split['train']) == 16
    # the originals stay untouched
    assert sorted(p.name for p in arguments['data'].iterdir()) == ['blue', 'red']


def test_the_same_call_says_that_all_is_done(done, monkeypatch, capsys):
    out, arguments, result = done
    monkeypatch.setattr(Job, 'call', None)
    assert finetune(**arguments) == result
    assert 'all is done already' in capsys.readouterr().out


@pytest.mark.parametrize('change, text', [
    (dict(epochs=3), 'epochs 2 and not 3; name another folder with --out'),
    (dict(arch='tiny'), "arch None and not 'tiny'"),
])
def test_another_job_is_refused(done, change, text):
    with pytest.raises(ValueError, match=text):
        finetune(**{**done[1], **change})


def test_a_model_folder_is_a_start(done, tmp_path):
    """Its network, its size and its weights; the classes are those of the new data."""
    own = with_validation(recognise(make_data(tmp_path / 'data', classes=('blue', 'red', 'sky'))))
    start = choose_start('image', 100, model=done[2]['model'])
    cfg = make_config(write(own, tmp_path / 'out'), start)
    assert cfg.load_from == f'{done[2]["model"]}/weights.safetensors'
    assert cfg.model.backbone.input_size == cfg.size == 32 and cfg.model.head.num_classes == 3
    with pytest.raises(UsageError, match='is a model for image, but the data is for video'):
        choose_start('video', 100, model=done[2]['model'])


def test_a_killed_training_ends_in_the_same_model(done, tmp_path, capsys):
    """As if it was killed when the checkpoint of the first epoch was saved, but not validated."""
    out, arguments, result = done
    copy = shutil.copytree(out, tmp_path / 'work_dir')
    expected = torch.load(copy / 'epoch_2.pth', weights_only=False)['state_dict']
    for path in (*copy.glob('best_*'), *copy.glob('test_*'), copy / 'epoch_2.pth'):
        path.unlink()
    shutil.rmtree(copy / 'models')
    first = torch.load(copy / 'epoch_1.pth', weights_only=False)
    for key in ('best_score', 'best_ckpt'):
        first['message_hub']['runtime_info'].pop(key)
    torch.save(first, copy / 'epoch_1.pth')
    (copy / 'last_checkpoint').write_text(str(copy / 'epoch_1.pth'))
    config = copy / 'config.py'
    config.write_text(config.read_text().replace(str(out), str(copy)))
    again = finetune(**{**arguments, 'out': copy})
    assert 'going on where it stopped' in capsys.readouterr().out
    assert again['metrics'] == result['metrics']
    found = torch.load(copy / 'epoch_2.pth', weights_only=False)['state_dict']
    assert all(torch.equal(found[key], value) for key, value in expected.items())
    assert [p.name for p in copy.glob('best_*')] == [p.name for p in out.glob('best_*')]
    assert (copy / 'models/best/weights.safetensors').read_bytes() == (
        out / 'models/best/weights.safetensors').read_bytes()


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(ValueError, match='holds something else than a fine-tuning'):
        Job(tmp_path, {})
    assert (tmp_path / 'notes.txt').read_text() == 'mine'


def test_two_do_not_work_in_one_folder(tmp_path):
    with Job(tmp_path, dict(epochs=1)):
        with pytest.raises(OSError, match='is in use: another process'):
            Job(tmp_path, dict(epochs=2))
        assert '1' in (tmp_path / 'finetune.json').read_text()
    with Job(tmp_path, dict(epochs=2)):
        pass


@pytest.mark.parametrize('prepare, text', [
    (lambda root: make_data(root, classes=('red', )), 'one class only'),
    (lambda root: make_data(root, count=1), 'too few samples'),
])
def test_data_that_teaches_nothing(prepare, text, tmp_path):
    with pytest.raises(ValueError, match=text):
        finetune(prepare(tmp_path / 'data'), model='none', out=tmp_path / 'out')


def test_unreadable_files_are_named_before_the_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, 'find_batch', None)
    root = make_data(tmp_path / 'data')
    (root / 'red' / '3.png').write_bytes(b'no picture')
    with pytest.raises(ValueError, match='1 errors in the data, named above: replace the named'):
        finetune(root, model='none', out=tmp_path / 'out')
    assert 'red/3.png' in capsys.readouterr().out
    assert not (tmp_path / 'out' / 'config.py').exists()


def stop(self, *args):
    raise KeyboardInterrupt


@pytest.mark.parametrize('options, batch, passes', [
    ({
        'train_dataloader.batch_size': 4
    }, 2, 8),
    ({
        'train_dataloader.batch_size': 4,
        'optim_wrapper.accumulative_counts': 2
    }, 2, 4),
    ({}, 8, 2),
])
def test_batches_of_the_user(options, batch, passes, tmp_path, monkeypatch, capsys):
    """Where the memory takes half of what is asked for, a step still sees as many samples."""
    monkeypatch.setattr(module, 'find_batch', lambda try_out, size, most, say: try_out(size // 2))
    monkeypatch.setattr(Job, 'call', stop)
    with pytest.raises(KeyboardInterrupt):
        finetune(
            make_data(tmp_path / 'data'), model='none', out=tmp_path / 'out', cfg_options=options)
    cfg = Config.fromfile(tmp_path / 'out' / 'config.py')
    assert cfg.train_dataloader.batch_size == batch
    assert cfg.optim_wrapper.accumulative_counts == passes
    said = capsys.readouterr().out
    assert f'steps of {batch * passes} samples ({batch} at a time)' in said
    assert not (tmp_path / 'out' / '.trial').exists()


def test_data_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere does not exist'):
        finetune(tmp_path / 'nowhere', out=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def fake_trial(fits, device='cpu'):
    """A trial in which batches up to a size fit the memory."""

    def try_out(size):
        return dict(measured=dict(device=device, peak_bytes=size *
                                  2**30, total_bytes=2**38)) if size <= fits else None

    return try_out


@pytest.mark.parametrize('accelerator, fits, wanted', [(False, 99, 8), (True, 99, 32),
                                                       (False, 3, 2), (True, 5, 4)])
def test_the_largest_batch_that_fits(accelerator, fits, wanted, monkeypatch):
    said = []
    monkeypatch.setattr(trial, '_accelerator', lambda: accelerator)
    monkeypatch.setattr(trial, '_available', lambda: 2**40)
    device = 'cuda' if accelerator else 'cpu'
    found = trial.find_batch(fake_trial(fits, device), batch_size=8, most=32, say=said.append)
    assert found['batch_size'] == wanted
    assert all('do not fit' in line for line in said)


def test_a_batch_that_needs_more_than_is_available(monkeypatch):
    monkeypatch.setattr(trial, '_accelerator', lambda: False)
    monkeypatch.setattr(trial, '_available', lambda: int(2.5 * 2**30))
    assert trial.find_batch(fake_trial(99), 8, 32, print)['batch_size'] == 2
    monkeypatch.setattr(trial, '_available', lambda: 2**29)
    with pytest.raises(ValueError, match='not even one sample'):
        trial.find_batch(fake_trial(99), 8, 32, print)


def test_a_gpu_is_not_filled_to_the_brim(monkeypatch):
    monkeypatch.setattr(trial, '_accelerator', lambda: True)
    tight = dict(measured=dict(device='cuda', peak_bytes=95, total_bytes=100))
    loose = dict(measured=dict(device='cuda', peak_bytes=50, total_bytes=100))
    found = trial.find_batch(lambda size: tight if size > 4 else loose, 1, 8, print)
    assert found['batch_size'] == 4
