"""Trainings end with model folders, which the commands take."""
from pathlib import Path

import in_process
import pytest
import torch
from safetensors.torch import load_file

from mvitv2_mm.checkpoints.model_folder import read_model_folder
from mvitv2_mm.checkpoints.model_source import open_model

METRICS = dict(image='accuracy/top1', detection='coco/bbox_mAP', video='acc/top1')
CLASSES = dict(image=('class0', 'class1'), detection=('person', 'car'), video=None)


@pytest.mark.parametrize('task', METRICS)
def test_the_last_weights_become_a_model_folder(task, configs, checkpoints):
    checkpoint = Path(checkpoints[task])
    folder = checkpoint.parent / 'models' / 'last'
    assert [path.name for path in folder.parent.iterdir()] == ['last']  # no best one is kept
    found = read_model_folder(folder)
    assert (found.name, found.task, found.classes) == (checkpoint.parent.name, task, CLASSES[task])
    expected = torch.load(checkpoint)['state_dict']
    state = load_file(found.weights)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], value) for key, value in expected.items())
    opened = open_model(str(folder))
    assert all(torch.equal(expected[k], v) for k, v in opened.build().state_dict().items())


@pytest.mark.parametrize('task', METRICS)
def test_a_test_of_the_folder_gives_the_metrics_of_the_validation(task, configs, checkpoints, test,
                                                                  tmp_path):
    folder = Path(checkpoints[task]).parent / 'models' / 'last'
    measured = {metric['metric']: metric for metric in read_model_folder(folder).metrics}
    assert {metric['by'] for metric in measured.values()} == {'measured'}
    metrics = test([folder, '--work-dir', tmp_path])
    assert metrics[METRICS[task]] == pytest.approx(measured[METRICS[task]]['value'], abs=1e-6)
    assert 'time' not in measured


def test_the_best_weights_become_a_model_folder(configs, train, tmp_path):
    config = tmp_path / 'ema.py'
    config.write_text(f"_base_ = '{configs['image']}'\n"
                      "custom_hooks = [dict(type='EMAHook')]\n"
                      "default_hooks = dict(checkpoint=dict(save_best='auto'))\n"
                      'train_cfg = dict(max_epochs=1)\n')
    train([config, '--work-dir', tmp_path / 'pets'])
    best, = (tmp_path / 'pets').glob('best_*.pth')
    content = torch.load(best)
    found = read_model_folder(tmp_path / 'pets' / 'models' / 'best')
    state = load_file(found.weights)
    assert all(torch.equal(state[key], value) for key, value in content['state_dict'].items())
    raw = content['ema_state_dict']  # after the swap: the weights that were not averaged
    assert any(not torch.equal(state[key], raw[f'module.{key}']) for key in state)
    assert found.metrics[0]['value'] == content['message_hub']['runtime_info']['best_score']
    assert found.licence_note.startswith('trained from scratch')


def test_a_training_that_goes_on_replaces_its_folder(configs, train, tmp_path):
    argv = [configs['image'], '--work-dir', tmp_path, '--resume', '--cfg-options']
    weights = tmp_path / 'models' / 'last' / 'weights.safetensors'
    contents = []
    for epochs in (1, 2, 2):
        train([*argv, f'train_cfg.max_epochs={epochs}'])
        contents.append((weights.read_bytes(), weights.stat().st_mtime_ns))
        assert read_model_folder(weights.parent).metrics
    assert contents[0][0] != contents[1][0]
    assert contents[1] == contents[2]  # nothing was trained


def test_a_folder_that_cannot_be_written_does_not_end_a_training(configs, train, tmp_path):
    (tmp_path / 'models').write_text('in the way')
    train([configs['image'], '--work-dir', tmp_path, '--cfg-options', 'train_cfg.max_epochs=1'])
    log, = tmp_path.glob('*/*.log')
    assert 'models/last is not written' in log.read_text()
    assert (tmp_path / 'epoch_1.pth').is_file()


def test_a_last_checkpoint_of_random_bytes_does_not_end_a_training(configs, train, tmp_path):
    (tmp_path / 'last_checkpoint').write_bytes(b'\x9f\xf1 no text')
    options = ['train_cfg.max_epochs=1', 'default_hooks.checkpoint=None']
    train([configs['image'], '--work-dir', tmp_path, '--cfg-options', *options])
    log, = tmp_path.glob('*/*.log')
    assert 'models/last is not written' in log.read_text()


def test_none_switches_model_folders_off(configs, train, tmp_path):
    train([
        configs['image'], '--work-dir', tmp_path, '--cfg-options', 'train_cfg.max_epochs=1',
        'default_hooks.models=None'
    ])
    assert (tmp_path / 'epoch_1.pth').is_file()
    assert not (tmp_path / 'models').exists()


def test_other_data_than_the_models_is_refused(configs, checkpoints, test, tmp_path):
    folder = Path(checkpoints['image']).parent / 'models' / 'last'
    for name in ('val/cat', 'val/dog'):
        (tmp_path / name).mkdir(parents=True)
        picture = next(
            Path(read_model_folder(folder).cfg.test_dataloader.dataset.data_root).glob(
                'val/*/*.png'))
        (tmp_path / name / 'a.png').write_bytes(picture.read_bytes())
    with pytest.raises(SystemExit, match='trained on the 2 classes'):
        test([
            folder, '--work-dir', tmp_path / 'out', '--cfg-options',
            f'test_dataloader.dataset.data_root={tmp_path}'
        ])


def test_the_converter_writes_a_folder(configs, checkpoints, tmp_path, capsys):
    in_process.run('convert', [checkpoints['detection'], tmp_path / 'model'])
    assert 'is saved in' in capsys.readouterr().out
    opened = open_model(str(tmp_path / 'model'))
    assert (opened.task, opened.classes) == ('detection', CLASSES['detection'])
    with pytest.raises(SystemExit, match='--to mvit'):
        in_process.run('convert', [checkpoints['detection'], tmp_path / 'other', '--to', 'mvit'])
