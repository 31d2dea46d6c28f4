"""What MODEL means, wherever a command asks for one."""
import shutil
from pathlib import Path

import pytest
import small_classifier
import torch
from mmengine.logging import HistoryBuffer

from mvitv2_mm.checkpoints import ZOO, convert, model_source
from mvitv2_mm.checkpoints.model_folder import read_model_folder, write_model_folder
from mvitv2_mm.checkpoints.model_source import open_model, save_model
from mvitv2_mm.config_files import load_config
from mvitv2_mm.errors import UnknownName
from mvitv2_mm.files import sha256_of

CLASSES = small_classifier.CLASSES


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """One model in all four forms, and its prediction."""
    root, cfg = tmp_path_factory.mktemp('models'), small_classifier.config()
    model = small_classifier.build(cfg)
    state = model.state_dict()
    write_model_folder(root / 'folder', cfg, state, 'image', CLASSES, [], 'MIT', 'pets')
    buffer = HistoryBuffer()
    buffer.update(0.5)
    torch.save(
        dict(
            state_dict=state,
            meta=dict(cfg=cfg.pretty_text, dataset_meta=dict(classes=CLASSES), epoch=1),
            message_hub=dict(log_scalars={'train/loss': buffer}, runtime_info={})),
        root / 'epoch_1.pth')
    torch.save(state, root / 'bare.pth')
    (root / 'config.py').write_text(cfg.pretty_text)
    return root, small_classifier.predict(model)


FORMS = {
    'folder': (['folder'], 'pets'),
    'checkpoint': (['epoch_1.pth'], 'epoch_1'),
    'config and checkpoint': (['config.py', 'epoch_1.pth'], 'epoch_1'),
    'config and weights': (['config.py', 'bare.pth'], 'bare'),
}


@pytest.mark.parametrize('form', FORMS)
def test_all_forms_give_the_same_model(files, form):
    root, expected = files
    names, name = FORMS[form]
    opened = open_model(*(str(root / file) for file in names))
    assert (opened.name, opened.task, opened.classes) == (name, 'image', CLASSES)
    assert opened.notes == []
    model = opened.build()
    assert not model.training
    assert torch.equal(small_classifier.predict(model), expected)


@pytest.mark.parametrize('form', FORMS)
def test_the_config_loads_nothing_by_itself(files, form):
    opened = open_model(*(str(files[0] / file) for file in FORMS[form][0]))
    assert 'init_cfg' not in opened.cfg.model.backbone
    assert not {'load_from', 'resume', 'train_dataloader'} & opened.cfg.keys()
    assert opened.cfg.test_dataloader.dataset.type == 'mvitv2_mm.ImageDataset'


def test_licences_are_kept(files):
    assert open_model(str(files[0] / 'folder')).licence == 'MIT'
    # of the published model that the training started from
    assert open_model(str(files[0] / 'epoch_1.pth')).licence == 'Apache-2.0'
    assert open_model(str(files[0] / 'config.py'), str(files[0] / 'bare.pth')).licence == ''


def test_names_of_classes_or_numbers(files):
    assert open_model(str(files[0] / 'folder')).class_name(1) == 'dog'
    options = {'test_dataloader.dataset.metainfo': None}
    opened = open_model(str(files[0] / 'config.py'), str(files[0] / 'bare.pth'), options)
    assert opened.class_name(1) == '1'
    assert opened.notes == ['class names are not known: classes are numbered']


def test_other_numbers_of_names_are_not_trusted(files, tmp_path):
    folder, cfg = tmp_path / 'two', small_classifier.config()
    state = small_classifier.build(cfg).state_dict()
    write_model_folder(folder, cfg, state, 'image', ['cat', 'dog'])
    opened = open_model(str(folder))
    assert opened.classes is None
    assert opened.notes[0].startswith('2 class names are known, but the model has 3 classes')


def test_options_change_the_config(files):
    options = {'test_dataloader.dataset.data_root': 'elsewhere'}
    for names in (['folder'], ['epoch_1.pth'], ['config.py', 'bare.pth']):
        opened = open_model(*(str(files[0] / n) for n in names), cfg_options=options)
        assert opened.cfg.test_dataloader.dataset.data_root == 'elsewhere'
    with pytest.raises(ValueError, match='did you mean test_dataloader.dataset.data_root'):
        open_model(str(files[0] / 'folder'), cfg_options=dict(data_root='elsewhere'))


@pytest.mark.parametrize('names', [['folder'], ['epoch_1.pth'], ['config.py', 'bare.pth']])
def test_weights_of_another_model_are_refused(files, names):
    options = {'model.head.num_classes': 5}
    opened = open_model(*(str(files[0] / n) for n in names), cfg_options=options)
    with pytest.raises(ValueError, match=r'lacks 2 tensors of the model, e.g. head.fc'):
        opened.build()


def test_incomplete_weights_are_refused(files, tmp_path):
    state = torch.load(files[0] / 'bare.pth')
    del state['head.fc.bias']
    torch.save(state, tmp_path / 'part.pth')
    with pytest.raises(ValueError, match='lacks 1 tensors of the model, e.g. head.fc.bias'):
        open_model(str(files[0] / 'config.py'), str(tmp_path / 'part.pth')).build()
    torch.save({**state, 'head.fc.bias': torch.full((3, ), torch.nan)}, tmp_path / 'nan.pth')
    with pytest.raises(ValueError, match='head.fc.bias holds 3 NaN'):
        open_model(str(files[0] / 'config.py'), str(tmp_path / 'nan.pth')).build()


@pytest.mark.parametrize('name, message', [
    ('mvitv2-tinny_in1k', 'Similar published models: mvitv2-tiny_in1k'),
    ('{root}/folde', 'can not be found. Its folder holds folder.'),
    ('{root}/config.py', 'is a config, which holds no weights: give a checkpoint'),
    ('mvitv2-tiny_8xb256_in1k', 'is a config, which holds no weights: give a checkpoint'),
    ('{root}', 'is no model folder: it has no model.json; did you mean {root}/folder'),
    ('{root}/bare.pth', 'does not hold its config'),
    ('mvitv2-small-16x4_maskfeat-k400', 'tells no classes apart'),
])
def test_what_is_no_model(files, name, message):
    with pytest.raises((ValueError, OSError)) as error:
        open_model(name.format(root=files[0]))
    assert message.format(root=files[0]) in str(error.value)
    assert '\n' not in str(error.value)


def test_unknown_names_are_the_callers_mistake():
    with pytest.raises(UnknownName):
        open_model('mvitv2-tinny_in1k')


EVIL = "model = dict(type='os.system', command='touch hacked')\ndefault_scope = 'mmpretrain'\n"


@pytest.mark.parametrize('text', [
    f'import os\nos.system("touch hacked")\n{EVIL}', EVIL,
    f"custom_imports = dict(imports=['evil'])\n{EVIL}"
])  # yapf: disable
def test_nothing_of_a_stranger_is_run(files, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'evil.py').write_text('open("hacked", "w")')
    torch.save(dict(state_dict=torch.load(files[0] / 'bare.pth'), meta=dict(cfg=text)), 'x.pth')
    shutil.copytree(files[0] / 'folder', 'folder')
    Path('folder', 'config.py').write_text(text)
    model_json = Path('folder', 'model.json')
    info = model_json.read_text()
    for name in ('x.pth', 'folder'):
        with pytest.raises(ValueError, match='is refused|not the file|describes no model'):
            open_model(name).build()
    # with the right hash it is no better
    model_json.write_text(
        info.replace(
            sha256_of(files[0] / 'folder' / 'config.py'), sha256_of(Path('folder', 'config.py'))))
    with pytest.raises(ValueError, match='is refused'):
        open_model('folder').build()
    assert not Path('hacked').exists()


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Random weights in the layout of a publisher, in place of the published file."""

    def make(name: str, layout: str) -> torch.nn.Module:
        model = small_classifier.build(load_config(ZOO[name].config))
        torch.save(model.state_dict(), tmp_path / 'own.pth')
        convert(str(tmp_path / 'own.pth'), str(tmp_path / 'published.pth'), layout)
        monkeypatch.setattr(model_source, 'locate', lambda name: str(tmp_path / 'published.pth'))
        return model

    return make


@pytest.mark.parametrize('name, layout, task, label, wanted, metric', [
    ('mvitv2-tiny_in1k', 'mvit', 'image', 207, 'golden retriever', ('Top 1 Accuracy', 82.3)),
    ('mvitv2-small-16x4_k400', 'slowfast', 'video', 6, 'arm wrestling', ('Top 1 Accuracy', 81.0)),
    ('mask-rcnn_mvitv2-tiny_coco', 'detectron2', 'detection', 16, 'dog', ('box AP', 48.3)),
])
def test_published_models(published, name, layout, task, label, wanted, metric):
    model = published(name, layout)
    opened = open_model(name)
    assert (opened.name, opened.task, opened.licence) == (name, task, 'Apache-2.0')
    assert opened.class_name(label) == wanted
    found = opened.metrics[0]
    assert (found['metric'], found['value'], found['by']) == (*metric, 'reported')
    built = opened.build().state_dict()
    assert all(torch.equal(built[key], value) for key, value in model.state_dict().items())


def test_imagenet_21k_is_numbered_with_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(model_source, 'locate', lambda name: str(tmp_path / 'not needed'))
    opened = open_model('mvitv2-base_in21k')
    assert opened.class_name(19167) == '19167'
    assert opened.notes == [
        'the order of the classes of ImageNet-21K is not published: they are numbered'
    ]


def test_an_opened_model_is_saved_as_a_folder(files, tmp_path):
    opened = open_model(str(files[0] / 'epoch_1.pth'))
    save_model(opened, tmp_path / 'saved')
    found = read_model_folder(tmp_path / 'saved')
    assert (found.name, found.classes, found.licence) == ('epoch_1', CLASSES, 'Apache-2.0')
    again = open_model(str(tmp_path / 'saved')).build()
    assert torch.equal(small_classifier.predict(again), files[1])


def test_hooks_of_a_training_are_not_needed(files, tmp_path):
    """An older folder names a hook that this version has not."""
    cfg = small_classifier.config()
    cfg.default_hooks = dict(
        gone=dict(type='mvitv2_mm.GoneHook'), unreadable=dict(type='mvitv2_mm.UnreadableHook'))
    state = small_classifier.build(cfg).state_dict()
    write_model_folder(tmp_path / 'old', cfg, state, 'image', CLASSES)
    opened = open_model(str(tmp_path / 'old'), None, {'default_hooks.logger.type': 'LoggerHook'})
    assert opened.cfg.default_hooks.keys() == {'unreadable', 'logger'}
    cfg.default_hooks.unreadable.type = 'mvitv2_mm.GoneHook'
    write_model_folder(tmp_path / 'odd', cfg, state, 'image', CLASSES)
    with pytest.raises(ValueError, match='default_hooks.unreadable.type is .mvitv2_mm.GoneHook.'):
        open_model(str(tmp_path / 'odd'))
