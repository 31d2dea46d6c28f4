"""The config that own data gets: what it says, and that it says all of it."""
from unittest import mock

import numpy as np
import pytest
import synthetic_data
from mmengine.config import Config

from mvitv2_mm.checkpoints import CheckpointError
from mvitv2_mm.config_files import load_config
from mvitv2_mm.own_data import networks, recipe, recognise, with_validation, write
from mvitv2_mm.own_data.config_file import difference, write_config
from mvitv2_mm.own_data.writing import WrittenData, WrittenSplit


@pytest.fixture(autouse=True, scope='module')
def _unformatted_configs():
    """Formatting takes most of the time."""
    with mock.patch('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True)):
        yield


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Three classes of 7 + 7 small pictures, converted."""
    folder = tmp_path_factory.mktemp('pictures')
    root = synthetic_data.make_folders(folder / 'data', classes=3, images_per_class=7)
    return write(with_validation(recognise(root)), folder / 'out')


def made_up(task, folder, num_samples=1000, has_masks=True, short_side=480):
    """Converted data of two classes of which only the numbers matter."""
    splits = {
        split: WrittenSplit(str(folder / f'{split}.json'), num_samples)
        for split in ('train', 'val')
    }
    return WrittenData(task, 'a test', ('cat', 'dog'), str(folder), splits, has_masks, short_side,
                       {})


def written(cfg, start, path):
    """The config after it was written and read again."""
    named = dict(data_root=cfg.data_root, classes=cfg.classes, num_classes=cfg.num_classes)
    write_config(path, start.base, cfg, 'A test.', named)
    return load_config(str(path))


@pytest.mark.parametrize('task, arch', [(task, arch) for task, sizes in networks.PUBLISHED.items()
                                        for arch in sizes] + [('video', 'nano'),
                                                              ('detection', 'nano')])
def test_the_file_says_all(task, arch, tmp_path):
    start = networks.choose_start(task, 100, arch, 'none')
    cfg = recipe.make_config(made_up(task, tmp_path), start)
    read = written(cfg, start, tmp_path / 'elsewhere' / 'config.py')
    for key in cfg:
        assert read[key] == cfg[key], key
    assert cfg.model.backbone.get('init_cfg') is None and cfg.load_from is None
    if arch != 'nano':
        assert read.model.backbone.arch == arch
    text = (tmp_path / 'elsewhere' / 'config.py').read_text()
    assert all(f'{key} = ' in text for key in ('data_root', 'classes', 'num_classes'))
    assert 'max_epochs=' in text and 'batch_size=' in text and 'lr=' in text


def class_counts(node):
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == 'num_classes')
        node = list(node.values())
    for part in node if isinstance(node, (list, tuple)) else ():
        yield from class_counts(part)


@pytest.mark.parametrize('task, arch', [('image', 'base'), ('detection', 'small'),
                                        ('video', 'base'), ('action_detection', 'small')])
def test_all_parts_have_the_classes(task, arch, tmp_path):
    start = networks.choose_start(task, 480, arch, 'none')
    cfg = recipe.make_config(made_up(task, tmp_path), start)
    assert set(class_counts(cfg.model.to_dict())) == {2}
    for _, dataset in recipe.datasets(cfg):
        assert dataset.metainfo.classes == ['cat', 'dog']
        assert dataset.get('num_actions', 2) == 2


def test_published_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, 'locate', lambda name: name)
    start = networks.choose_start('image', 480)
    cfg = recipe.make_config(made_up('image', tmp_path), start)
    assert cfg.model.backbone.init_cfg.checkpoint == 'mvitv2-tiny_in1k' and cfg.load_from is None
    start = networks.choose_start('detection', 480, 'base')
    cfg = recipe.make_config(made_up('detection', tmp_path), start)
    assert cfg.load_from == 'cascade-mask-rcnn_mvitv2-base_coco'
    assert cfg.model.backbone.init_cfg is None and cfg.model.backbone.arch == 'base'
    assert len(cfg.model.roi_head.bbox_head) == 3


def test_weights_that_cannot_be_had(monkeypatch):

    def locate(name):
        raise CheckpointError(f'{name} cannot be downloaded. Check the connection.')

    monkeypatch.setattr(networks, 'locate', locate)
    start = networks.choose_start('image', 480)
    assert start.weights is None and 'Check the connection' in start.text
    assert networks.choose_start('image', 64).base.match('quickstart/image.py')
    with pytest.raises(CheckpointError, match='Check the connection'):
        networks.choose_start('image', 480, model='mvitv2-tiny_in1k')


@pytest.mark.parametrize('task, arch, model, text', [
    ('video', 'tiny', None, '--arch tiny: there is no .* take small, base, large, nano'),
    ('action_detection', 'nano', None, '--arch nano: there is no .* take small, base$'),
    ('image', 'base', 'mvitv2-tiny_in1k', '--from mvitv2-tiny_in1k decides .* leave --arch base'),
])
def test_wrong_networks_are_named(task, arch, model, text, monkeypatch):
    monkeypatch.setattr(networks, 'locate', lambda name: name)
    with pytest.raises(ValueError, match=text):
        networks.choose_start(task, 480, arch, model)


@pytest.mark.parametrize('arch', ['tiny', 'small', 'nano'])
def test_boxes_without_masks(arch, tmp_path):
    start = networks.choose_start('detection', 480, arch, 'none')
    cfg = recipe.make_config(made_up('detection', tmp_path, has_masks=False), start)
    cfg = written(cfg, start, tmp_path / 'config.py')
    assert cfg.model.roi_head.mask_head is cfg.model.roi_head.mask_roi_extractor is None
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert not steps['LoadAnnotations'].with_mask
    assert cfg.val_evaluator.metric == cfg.test_evaluator.metric == 'bbox'


def test_few_samples(pictures):
    start = networks.choose_start('image', pictures.short_side, None, 'none')
    cfg = recipe.make_config(pictures, start)
    recommended = Config.fromfile(start.base)
    per_step = recipe.samples_per_step(cfg)
    assert per_step == 16  # of 21 pictures, where the recipe takes 32
    rate = recommended.optim_wrapper.optimizer.lr
    assert np.isclose(cfg.optim_wrapper.optimizer.lr, rate / 2)
    # one step per epoch
    assert cfg.train_cfg.max_epochs >= 200 and cfg.train_cfg.val_interval == 8
    warm_up, cosine = cfg.param_scheduler
    assert warm_up.end == cosine.begin == round(cfg.train_cfg.max_epochs / 12)


def test_a_short_training_keeps_its_shape(tmp_path):
    start = networks.choose_start('detection', 480, 'tiny', 'none')
    cfg = recipe.make_config(made_up('detection', tmp_path), start, epochs=6)
    warm_up, steps = cfg.param_scheduler
    assert cfg.train_cfg.max_epochs == 6 and steps.milestones == [4, 5]
    assert warm_up.end == 250  # passes, of 6000


def test_one_epoch_has_no_empty_warm_up(tmp_path):
    start = networks.choose_start('image', 480, 'tiny', 'none')
    cfg = recipe.make_config(made_up('image', tmp_path), start, epochs=1)
    assert [scheduler.type for scheduler in cfg.param_scheduler] == ['CosineAnnealingLR']
    assert cfg.param_scheduler[0].begin == 0


def test_batches_keep_the_samples_of_a_step(tmp_path):
    start = networks.choose_start('video', 480, 'small', 'none')
    cfg = recipe.make_config(made_up('video', tmp_path), start)
    assert recipe.samples_per_step(cfg) == 128
    recipe.set_batch(cfg, 1, 128)
    assert cfg.train_dataloader.batch_size == 1 and cfg.optim_wrapper.accumulative_counts == 128


def test_a_difference_leads_back(tmp_path):
    base = dict(a=1, b=dict(c=[1, 2], d=dict(e=1, f=2)), g=dict(type='A', h=1), k=[1], m=None)
    wanted = dict(a=1, b=dict(c=[2], d=dict(e=1)), g=[dict(type='B')], k=dict(n=1), m=dict(o=1))
    (tmp_path / 'base.py').write_text('\n'.join(f'{key} = {v!r}' for key, v in base.items()))
    changes = difference(wanted, base)
    assert 'a' not in changes
    text = '\n'.join(f'{key} = {value!r}' for key, value in changes.items())
    (tmp_path / 'new.py').write_text(f"_base_ = './base.py'\n{text}")
    assert Config.fromfile(tmp_path / 'new.py').to_dict() == wanted
