"""The folder that holds a model."""
import json
import shutil
import zipfile

import pytest
import small_classifier
import torch
from mmengine.registry import MODELS
from safetensors.torch import load_file

from mvitv2_mm.checkpoints.model_folder import read_model_folder, write_model_folder
from mvitv2_mm.checkpoints.preprocessing import describe_preprocessing
from mvitv2_mm.checkpoints.provenance import licence_of
from mvitv2_mm.config_files import load_config
from mvitv2_mm.files import repository_folder

FILES = ['config.py', 'model.json', 'weights.safetensors']
METRICS = [dict(metric='accuracy/top1', value=97.5, dataset='data/val', by='measured')]


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """A folder, and the model that was written."""
    cfg, folder = small_classifier.config(), tmp_path_factory.mktemp('models') / 'best'
    model = small_classifier.build(cfg)
    write_model_folder(folder, cfg, model.state_dict(), 'image', small_classifier.CLASSES, METRICS,
                       'Apache-2.0', 'pets')
    return folder, model


@pytest.fixture
def folder(written, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(written[0], tmp_path / 'best')


def edit(folder, **changes):
    path = folder / 'model.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_three_files_of_known_formats(written):
    folder, model = written
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert [path.name for path in folder.parent.iterdir()] == ['best']
    state = load_file(folder / 'weights.safetensors')
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert not any(zipfile.is_zipfile(path)
                   for path in folder.iterdir())  # no torch file, no pickle


def test_what_is_known_of_a_model(written):
    info = json.loads((written[0] / 'model.json').read_text())
    assert (info['format'], info['version']) == ('mvitv2_mm model', 1)
    assert (info['name'], info['task'], info['licence']) == ('pets', 'image', 'Apache-2.0')
    assert info['classes'] == list(small_classifier.CLASSES)
    assert info['metrics'] == METRICS
    assert info['code_version']['torch'] == torch.__version__.partition('+')[0]
    assert info['preprocessing'] == dict(
        mean=[1., 2., 3.],
        std=[4., 5., 6.],
        colour_order='RGB',
        layout='NCHW',
        input_size=[32, 32],
        steps=[
            'read the picture upright (EXIF), 8 bits per channel',
            'resize so that the short side has 36 pixels, bicubic of Pillow',
            'cut 32 x 32 out of the middle', 'order the channels as RGB',
            'subtract "mean" and divide by "std", per channel'
        ])


def test_it_is_read_as_it_was_written(written):
    folder, model = written
    found = read_model_folder(folder)
    assert (found.name, found.task, found.licence) == ('pets', 'image', 'Apache-2.0')
    assert found.classes == small_classifier.CLASSES
    assert found.metrics == METRICS
    again = MODELS.build(found.cfg.model).eval()
    again.load_state_dict(load_file(found.weights))
    assert torch.equal(small_classifier.predict(again), small_classifier.predict(model))


@pytest.mark.parametrize('name', ['config.py', 'weights.safetensors'])
def test_changed_files_are_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf'{name} is not the file that model.json describes'):
        read_model_folder(folder)


@pytest.mark.parametrize('name', FILES)
def test_missing_files_are_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        read_model_folder(folder)


@pytest.mark.parametrize('changes, message', [
    (dict(format='other'), 'has not written it'),
    (dict(version=2), 'version 2, but this package reads version 1; install a newer mvitv2_mm'),
    (dict(classes=[1, 2]), '"classes" is'),
    (dict(task=None), '"task" is None'),
    (dict(name='../x'), '"name" is ../x'),
    (dict(name='..'), '"name" is ..'),
    (dict(name=''), '"name" is'),
    (dict(sha256={}), '"sha256" is of other files'),
    (dict(sha256={'../x': ''}), '"sha256" is'),
])
def test_other_descriptions_are_refused(folder, changes, message):
    edit(folder, **changes)
    with pytest.raises(ValueError, match=message):
        read_model_folder(folder)


@pytest.mark.parametrize('text', ['', '{', '[]', '[' * 10**5, '\0'])
def test_damaged_descriptions_are_refused(folder, text):
    (folder / 'model.json').write_text(text)
    with pytest.raises(ValueError, match='model.json'):
        read_model_folder(folder)


def test_a_folder_of_folders_names_them(folder):
    with pytest.raises(FileNotFoundError, match=f'did you mean {folder}'):
        read_model_folder(folder.parent)


def test_an_older_one_is_replaced(folder):
    cfg = small_classifier.config()
    state = small_classifier.build(cfg).state_dict()
    write_model_folder(folder, cfg, state, 'image', None)
    found = read_model_folder(folder)
    assert (found.name, found.classes, found.metrics, found.licence) == ('best', None, [], '')
    assert [path.name for path in folder.parent.iterdir()] == ['best']


def test_after_an_error_the_older_one_is_there(folder):
    cfg = small_classifier.config()
    with pytest.raises(AttributeError):
        write_model_folder(folder, cfg, dict(weight='no tensor'), 'image', None)
    assert read_model_folder(folder).name == 'pets'
    assert [path.name for path in folder.parent.iterdir()] == ['best']


def test_a_kill_in_the_middle_of_an_exchange_loses_neither(folder):
    """The older one has made way, and the newer one has not come."""
    folder.rename(folder.with_name('.best.old'))
    with pytest.raises(AttributeError):
        write_model_folder(folder, small_classifier.config(), dict(weight='no tensor'), 'image',
                           None)
    assert read_model_folder(folder).name == 'pets'
    assert [path.name for path in folder.parent.iterdir()] == ['best']


def test_nothing_else_is_replaced(tmp_path):
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'a.jpg').touch()
    (tmp_path / 'file').touch()
    for name in ('photos', 'file'):
        with pytest.raises(FileExistsError, match='is no model folder'):
            write_model_folder(tmp_path / name, small_classifier.config(), {}, 'image', None)
    assert (tmp_path / 'photos' / 'a.jpg').exists()


@pytest.mark.parametrize('config, size, step', [
    ('recognition/mvitv2-small-p244_32xb16-16x4x1-200e_kinetics400-rgb', [16, 224, 224],
     'take 5 clips, spread evenly over the video: 16 frames evenly spaced over 64 frames at 30 '
     'frames per second; frames past the end are the last one'),
    ('quickstart/video', [8, 64, 64
                          ], 'take a clip from the middle of the video: 8 frames, every 4th'),
    ('recognition/mvitv2-small-p244_k400-pre_64xb8-u16-100e_sthv2-rgb', [16, 224, 224],
     'take the middle frame of each of 16 equal parts of the video'),
])
def test_clips_in_words(config, size, step):
    cfg = load_config(str(repository_folder() / 'configs' / f'{config}.py'))
    found = describe_preprocessing(cfg, 'video')
    assert (found['input_size'], found['frames'], found['layout']) == (size, size[0], 'NCTHW')
    assert found['colour_order'] == 'RGB'
    assert step in found['steps']


@pytest.mark.parametrize('sources, licence', [
    (dict(checkpoint='mvitv2-tiny_in1k'), 'Apache-2.0'),
    (dict(checkpoint='mvitv2-small-16x4_k400_torchvision'), 'BSD-3-Clause'),
    (dict(checkpoint='https://download.pytorch.org/models/mvit_v2_s-ae3be167.pth'), 'BSD-3-Clause'),
    (dict(load_from='mvitv2-small-16x4_k400_torchvision'), 'Apache-2.0 and BSD-3-Clause'),
    (dict(checkpoint='mine.pth'), ''),
    (dict(load_from='mine.pth'), ''),
])
def test_the_licence_follows_the_weights(sources, licence):
    found, why = licence_of(small_classifier.config(**sources))
    assert sorted(found.split(' and ')) == sorted(licence.split(' and '))
    assert why.startswith('not known of mine.pth') or licence


def test_the_licence_of_a_model_folder_follows_too(written):
    cfg = small_classifier.config(checkpoint=str(written[0] / 'weights.safetensors'))
    assert licence_of(cfg)[0] == 'Apache-2.0'
    del cfg.model.backbone.init_cfg
    assert licence_of(cfg) == ('', 'trained from scratch; whoever trained it decides')
