"""``--cfg-options``: every value arrives where the config uses it, or its key is named."""
import argparse
from pathlib import Path

import pytest

from mvitv2_mm.commands.frame import add_config_arguments
from mvitv2_mm.config_keys import warn_of_unread
from mvitv2_mm.engine.launch import load_config

CONFIGS = Path(__file__).parents[2] / 'configs'
IMAGES = 'finetune/images.py'
OBJECTS = 'finetune/objects.py'
CLIPS = 'recognition/mvitv2-base-p244_32xb16-32x3x1-200e_kinetics400-rgb.py'


def load(name, *options):
    parser = argparse.ArgumentParser()
    add_config_arguments(parser)
    args = parser.parse_args(['config', *['--cfg-options'][:len(options)], *options])
    return load_config(str(CONFIGS / name), args.cfg_options)


@pytest.fixture
def warnings(monkeypatch):
    """The warnings that are logged."""
    lines = []
    monkeypatch.setattr('mvitv2_mm.config_keys.print_log', lambda text, *args: lines.append(text))
    return lines


def test_a_data_root_moves_all_data(tmp_path):
    for split in ('train', 'val'):
        for name in ('ant', 'bee'):
            (tmp_path / 'my [big] set' / split / name).mkdir(parents=True)
    root = str(tmp_path / 'my [big] set')
    cfg = load(IMAGES, f'data_root={root}')
    for loop in ('train', 'val', 'test'):
        assert cfg[f'{loop}_dataloader'].dataset.data_root == root
    cfg = load(OBJECTS, 'data_root=/set', 'train_dataloader.batch_size=3')
    assert cfg.test_evaluator.ann_file == '/set/val.json'
    assert cfg.train_dataloader.batch_size == 3
    cfg = load(CLIPS, 'kinetics400.train.data_root=/train')
    assert cfg.train_dataloader.dataset.data_root == '/train'
    assert cfg.val_dataloader.dataset.data_root == 'data/kinetics400'


def test_other_variables_of_a_config_arrive():
    cfg = load(IMAGES, 'num_classes=7', 'train_pipeline.1.scale=160')
    assert cfg.model.head.num_classes == cfg.model.data_preprocessor.num_classes == 7
    assert cfg.train_dataloader.dataset.pipeline[1].scale == 160
    cfg = load(CLIPS, 'clip.clip_len=8')
    for loop in ('train', 'val', 'test'):
        step = cfg[f'{loop}_dataloader'].dataset.pipeline[1]
        assert (step.clip_len, step.frame_interval) == (8, 3)


@pytest.mark.parametrize('config, option, expected', [
    (IMAGES, 'trian_cfg.max_epochs=3', '"trian_cfg"; did you mean train_cfg.max_epochs?'),
    (IMAGES, 'train_cfg.max_epoch=3', '"max_epoch" in train_cfg; did you mean train_cfg.max_'),
    (IMAGES, 'lr=3', '"lr"; did you mean optim_wrapper.optimizer.lr'),
    (IMAGES, 'train_dataloader.batchsize=3', 'did you mean train_dataloader.batch_size'),
    (IMAGES, 'model.backbone.drop_path=0.1', 'did you mean model.backbone.drop_path_rate'),
    (IMAGES, 'model.backbone.arch.depth=3', '"model.backbone.arch" is \'tiny\', which holds'),
    (IMAGES, 'param_scheduler.CosineAnnealingLR.begin=3', '"param_scheduler" is a list; there are '
     'param_scheduler.0: LinearLR, param_scheduler.1: CosineAnnealingLR'),
    (IMAGES, 'param_scheduler.2.begin=3', '"param_scheduler" is a list'),
    (IMAGES, 'param_scheduler.1.begn=3', 'did you mean param_scheduler.1.begin'),
    (IMAGES, 'env_cfg.cudnn_benchmrk=True', 'did you mean env_cfg.cudnn_benchmark'),
    (CLIPS, 'data_root=/x', '"data_root"; did you mean train_dataloader.dataset.data_root'),
    (CLIPS, 'train_dataloader.dataset.num_repeat=3', 'train_dataloader.dataset.num_repeats'),
    (OBJECTS, 'test_evaluator.metrics=bbox', 'did you mean test_evaluator.metric?'),
    (OBJECTS, 'ann_file=x.json', 'nothing reads "ann_file"; did you mean'),
])  # yapf: disable
def test_what_nothing_reads_is_refused(config, option, expected):
    with pytest.raises(ValueError) as info:
        load(config, option)
    message = str(info.value)
    assert message.startswith(f'--cfg-options {option.split("=")[0]}: ')
    assert expected in message and '\n' not in message


def test_new_keys_that_something_reads(warnings):
    cfg = load(IMAGES, 'model.backbone.frozen_stages=2', 'optim_wrapper.clip_grad.max_norm=2',
               'optim_wrapper.optimizer.eps=1e-6', 'default_hooks.checkpoint.save_best=auto',
               'train_dataloader.dataset.indices=4', 'param_scheduler.1.end=20', 'sync_bn=torch')
    assert cfg.model.backbone.frozen_stages == 2 and cfg.train_dataloader.dataset.indices == 4
    assert warnings == []


def test_new_keys_of_which_nobody_knows(warnings):
    cfg = load(OBJECTS, 'model.test_cfg.rcnn.score_thresh=0.1')
    assert cfg.model.test_cfg.rcnn.score_thresh == 0.1
    assert len(warnings) == 1 and 'did you mean model.test_cfg.rcnn.score_thr?' in warnings[0]


@pytest.mark.parametrize('text, value', [
    ('/a b/c', '/a b/c'),
    ('/a[1]/(c', '/a[1]/(c'),
    ('/a,b', '/a,b'),
    ('"a,b"', 'a,b'),
    ('a,b', ['a', 'b']),
    ('[/a b/c, "/d  e"]', ['/a b/c', '/d  e']),
    ('[(/a b, 1), [ x , None ]]', [('/a b', 1), ['x', None]]),
    ('[1,2]', [1, 2]),
    ('(1,2)', (1, 2)),
    ('1e-3', 1e-3),
    ('None', None),
])
def test_values(text, value):
    assert load(IMAGES, f'load_from={text}').load_from == value


@pytest.mark.parametrize('option', ['load_from', 'load_from=[a,b', '=3', 'model..x=3'])
def test_what_is_no_option(option, capsys):
    with pytest.raises(SystemExit):
        load(IMAGES, option)
    assert f'"{option}"' in capsys.readouterr().err.splitlines()[-1]


def test_misspelt_sections_of_a_config_are_named(tmp_path, warnings):
    (tmp_path / 'own.py').write_text(f'_base_ = "{CONFIGS / IMAGES}"\n'
                                     'trian_cfg = dict(max_epochs=3)\nmy_pipeline = []\n')
    warn_of_unread(load(tmp_path / 'own.py'))
    assert len(warnings) == 1 and '"trian_cfg"; did you mean train_cfg?' in warnings[0]
