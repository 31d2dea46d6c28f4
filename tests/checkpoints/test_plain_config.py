"""Configs that are only data: read without being run, built from known classes only."""
import math
from pathlib import Path
from unittest import mock

import pytest
from mmengine.config import Config

from mvitv2_mm.checkpoints.known_types import check_data_files, check_types, import_named
from mvitv2_mm.checkpoints.plain_config import read_plain_config
from mvitv2_mm.checkpoints.tasks import for_prediction
from mvitv2_mm.config_files import load_config

CONFIGS = Path(__file__).parents[2] / 'configs'
# every kind of value and of class that the recipes have
NAMES = [
    'quickstart/image', 'quickstart/video', 'quickstart/detection',
    'classification/mvitv2-tiny_8xb256-repeat-aug_in1k', 'classification/mvitv2-base_64xb32_in21k',
    'detection/cascade-mask-rcnn_mvitv2-base-in21k_fpn_64xb1-amp-lsj-100e-ln_lvis',
    'detection/cascade-mask-rcnn_mvitv2-large-in21k_fpn_64xb1-amp-lsj-50e-soft-nms_coco',
    'recognition/mvitv2-large-p244_in21k-k400-pre_64xb8-u40-40e_sthv2-rgb-312px',
    'recognition/maskfeat/mvitv2-small-p244_maskfeat_32xb16-16x4x1-300e_kinetics400-rgb',
    'action_detection/mvitv2-small-p244_k400-pre_64xb8-16x4x1-30e_ava22-rgb'
]


@pytest.fixture(scope='module', params=NAMES)
def recipe(request):
    return load_config(str(CONFIGS / f'{request.param}.py'))


def equal(a, b):
    """Equal in types as well: a tuple is no list."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and (a == b or a != a and b != b)


def test_recipes_are_read_as_they_were(recipe):
    with mock.patch('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True)):
        text = recipe.pretty_text
    assert equal(read_plain_config(text).to_dict(), recipe.to_dict())


def test_recipes_name_known_classes(recipe):
    import_named(recipe, 'recipe')
    check_types(for_prediction(recipe), 'recipe')


@pytest.mark.parametrize('value', [
    'text', 'a "quoted"\n text', 1, -1, 0.5, -1e-7, True, None, math.inf, -math.inf, math.nan, (),
    [], (1, ), [(1, 2), [3, (4, )]], {}, {'a b': 1, 'c': {'1': 2}}, {1: 2, None: 'x'},
    [{'a.b': [{'c': ()}]}], {'type': 'A', 'x': (dict(y=-1), )}
])  # yapf: disable
def test_values_are_read_as_they_were(value):
    for cfg in (Config(dict(x=value)), Config(dict(x=dict(y=value)))):
        assert equal(read_plain_config(cfg.pretty_text).to_dict(), cfg.to_dict())


def test_a_file_is_named_in_its_errors(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text('model = dict()\nimport os')
    with pytest.raises(ValueError, match=r'config.py is refused: line 2 holds "import os"'):
        read_plain_config(path)


@pytest.mark.parametrize('text', [
    'import os', "x = __import__('os').system('touch hacked')", 'x = open("hacked", "w")',
    "x = [open('hacked', 'w') for _ in (1, )]", 'x = dict(y=eval("1"))', "x = f'{open}'",
    '_base_.x = 1', 'x = y = 1', 'x: int = 1', 'def f(): pass', 'x = lambda: 1', 'x = dict',
    'x = dict([("a", 1)])', 'x = dict({}, {})', 'x = {**[1]}', 'x = dict(*[1])', 'x = 1 + 1',
    "x = 'a' * 10**9", 'x = -"a"', 'x = not 1', 'x = ...', 'x = b"a"', 'x = {(1,): 2}',
    'x = {[1]: 2}', 'x = (yield)', 'x = 1 if 1 else 2', 'x = y', 'x = a.b', 'x = [1][0]',
    'x = (', '\0', 'text = 1', 'x = ' + '[' * 500 + ']' * 500, 'x = ' + '-' * 100000 + '1'
])  # yapf: disable
def test_what_is_more_than_data_is_refused(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as error:
        read_plain_config(text)
    assert '\n' not in str(error.value) and len(str(error.value)) < 400
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('kind', [
    'os.system', 'subprocess.check_output', 'builtins.exec', 'torch.load', 'mmengine.load',
    'mmengine.fileio.load', 'mvitv2_mm.files.write_text', 'mvitv2_mm.files.Path', 'antigravity',
    "__import__('os').system('touch hacked')", 'mmpretrain.AutoModelForCausalLM', 'TIMMBackbone',
    'VindLU', 'LFB', 'torchvision/ToTensor', '', 'NoSuchClass'
])  # yapf: disable
def test_unknown_types_are_refused(kind):
    for part in (dict(type=kind), dict(type='ResNet', layers=[dict(x=(dict(type=kind), ))])):
        with pytest.raises(ValueError, match='is refused: model'):
            check_types(Config(dict(default_scope='mmpretrain', model=part)), 'a folder')


def test_unknown_scopes_are_refused():
    for part in (dict(default_scope='evil'), dict(model=dict(_scope_='evil', type='ResNet'))):
        with pytest.raises(ValueError, match='evil'):
            check_types(Config(dict(dict(default_scope='mmpretrain'), **part)), 'a folder')


@pytest.mark.parametrize('modules', ['antigravity', ['mvitv2_mm', 'os'], [1], 'mmengine_evil'])
def test_only_modules_of_the_libraries_are_imported(modules):
    with pytest.raises(ValueError, match='wants to import'):
        import_named(Config(dict(custom_imports=dict(imports=modules))), 'a folder')


def test_pickled_samples_are_refused():
    cfg = dict(test_dataloader=dict(dataset=dict(type='CocoDataset', ann_file='x.pkl')))
    with pytest.raises(ValueError, match='test_dataloader.dataset.ann_file is x.pkl'):
        check_data_files(Config(cfg), 'a folder')
    cfg['test_dataloader']['dataset']['type'] = 'mvitv2_mm.AVADataset'  # which never unpickles
    check_data_files(Config(cfg), 'a folder')
