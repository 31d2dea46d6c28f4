"""A config is a diff against its bases, and names the steps of lists instead of counting them."""
import ast
import copy
import re
import types

import harness
import pytest
from mmengine.config import Config, ConfigDict

FILES = sorted(str(path.relative_to(harness.CONFIGS)) for path in harness.CONFIGS.rglob('*.py'))
LEAVES = [name for name in FILES if '_base_' not in name and not name.startswith('quickstart')]


@pytest.fixture(autouse=True)
def _no_data(tmp_path, monkeypatch):
    """Configs for own data look for classes in the current folder."""
    monkeypatch.chdir(tmp_path)


def bases_of(path, folder):
    """The text of a config without ``_base_``, and its resolved bases."""
    tree = ast.parse(path.read_text())
    bases = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            bases = ast.literal_eval(node.value)
            tree.body.remove(node)
            break
    bases = [bases] if isinstance(bases, str) else bases
    bases = [base if '::' in base else str(path.parent / base) for base in bases]
    (folder / 'bases.py').write_text(f'_base_ = {bases}\n')
    return tree, Config.fromfile(folder / 'bases.py')._cfg_dict


def parts_of(path, folder):
    """What a config itself says, and what its bases say."""
    tree, base = bases_of(path, folder)
    said = dict(_base_=copy.deepcopy(base))
    exec(compile(tree, path, 'exec'), said)
    assert said.pop('_base_') == base, 'changes its bases in place'
    kinds = (types.ModuleType, types.FunctionType)
    said = {k: v for k, v in said.items() if k[:2] != '__' and not isinstance(v, kinds)}
    return ConfigDict(said), base


def repeats(own, base, parents=''):
    """The keys, such as ``model.backbone.arch``, to which both give the same value."""
    for key in own.keys() & base.keys():
        value, old = own[key], base[key]
        if isinstance(value, dict) and isinstance(old, dict):
            if not value.get('_delete_'):
                yield from repeats(value, old, f'{parents}{key}.')
                if value:
                    continue
            value = {k: v for k, v in value.items() if k != '_delete_'}
        if value == old:
            yield parents + key


@pytest.mark.parametrize('name', FILES)
def test_a_config_states_only_what_differs(name, tmp_path):
    for host in re.findall("'(mmseg|mmpose)::", (harness.CONFIGS / name).read_text()):
        pytest.importorskip(host)
    assert list(repeats(*parts_of(harness.CONFIGS / name, tmp_path))) == []


BASE = '''
model = dict(type='A', backbone=dict(arch='tiny', drop=0.1), sizes=[1, 2])
pipeline = [dict(type='Load'), dict(type='Flip', prob=0.5)]
hooks = dict()
'''


@pytest.mark.parametrize('line, found', [
    ("model = dict(backbone=dict(arch='small', drop=0.2))", []),
    ("model = dict(backbone=dict(arch='small', drop=0.1))", ['model.backbone.drop']),
    ("model = dict(type='A', sizes=[1, 2])", ['model.sizes', 'model.type']),
    ("model = dict(backbone=dict(_delete_=True, arch='tiny'))", []),
    ("model = dict(backbone=dict(_delete_=True, arch='tiny', drop=0.1))", ['model.backbone']),
    ("pipeline = [_base_.pipeline[0], dict(type='Flip', prob=0.5)]", ['pipeline']),
    ("pipeline = [dict(step, prob=1.) for step in _base_.pipeline]", []),
    ('hooks = dict()', ['hooks']),
    ('import glob\nfiles = glob.glob("x")\nnew = dict(arch="tiny")', []),
])
def test_repetitions_are_found(line, found, tmp_path):
    """Control: the rule above sees what a config repeats, and nothing else."""
    (tmp_path / 'base.py').write_text(BASE)
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(f"_base_ = './base.py'\n{line}\n")
    assert sorted(repeats(*parts_of(leaf, tmp_path))) == found


@pytest.mark.parametrize('line', [
    '_base_.pipeline.append(dict(type="Pack"))',
    '_base_.model.backbone.drop = 0.3',
])
def test_changed_bases_are_found(line, tmp_path):
    (tmp_path / 'base.py').write_text(BASE)
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(f"_base_ = './base.py'\n{line}\n")
    with pytest.raises(AssertionError, match='in place'):
        parts_of(leaf, tmp_path)


def counted(text):
    """The expressions that take a step from a list by its position, or put one there."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Subscript):
            by_name = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
            # part of a text or of a tuple that was just made
            if not by_name and not isinstance(node.value, ast.Call):
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and getattr(node.func, 'attr', '') in ('insert', 'pop'):
            yield ast.unparse(node)


@pytest.mark.parametrize('name', FILES)
def test_steps_are_named_not_counted(name):
    assert list(counted((harness.CONFIGS / name).read_text())) == []


@pytest.mark.parametrize('line', [
    '_base_.train_pipeline[1].clip_len = 32',
    '_base_.test_pipeline[1:3] = [dict(type="Resize")]',
    'pipeline = [*_base_.pipeline[:4], dict(type="Pad")]',
    'pipeline = _base_.param_scheduler[-1]',
    'pipeline = _base_["pipeline"][place]',
    '_base_.pipeline.insert(2, dict(type="Pad"))',
])
def test_positions_are_found(line):
    """Control: the rule above sees these, and lets names and texts pass."""
    assert len(list(counted(line))) == 1
    assert not list(counted('a = _base_["pipeline"]\nb = path.split("/")[-2]'))


@pytest.mark.parametrize('name', LEAVES)
def test_recipes_are_short(name):
    limit = 60 if name.startswith('finetune') else 15
    assert len((harness.CONFIGS / name).read_text().splitlines()) <= limit
