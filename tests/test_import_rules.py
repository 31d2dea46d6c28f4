"""Who may import whom, read from the syntax trees: imports point down only."""
import ast
import re
import subprocess
import sys
from configparser import ConfigParser
from contextlib import suppress
from graphlib import TopologicalSorter
from importlib import metadata
from pathlib import Path

import pytest

import mvitv2_mm

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'mvitv2_mm'
HOSTS = {'mmpretrain', 'mmdet', 'mmaction', 'timm', 'detectron2', 'pytorchvideo'}

# part of the package: other parts, and third-party packages, it may import
CORE = {
    'version': (set(), set()),
    'config_edit': (set(), set()),
    'registry': ({'repairs'}, {'mmengine'}),
    'ops': (set(), {'torch', 'triton'}),
    'layers': ({'ops'}, {'torch', 'mmcv'}),
    'backbones': ({'ops', 'layers', 'registry'}, {'torch', 'mmengine', 'mmcv'}),
}
# parts that every user imports, so a host library may not come with them
HOST_FREE = {
    *CORE, '__init__', '__main__', 'children', 'commands', 'compat', 'checkpoints', 'doctor',
    'errors', 'extras', 'files', 'heap', 'muting', 'names', 'progress', 'repairs', 'safe_pickle',
    'scripts', 'waiting'
}
# parts that start quickly, and in broken environments: commands import others when they run
QUICK = {
    '__init__', '__main__', 'children', 'commands', 'errors', 'extras', 'files', 'heap', 'names',
    'scripts', 'waiting'
}
# rooms of the upper floor, which only commands enter: what two of them need is one floor down
UPPER = {'own_data', 'inference', 'explain', 'export', 'demo'}
# the one room that is built of others
ON_TOP = {'demo': {'inference', 'explain'}}


def part_of(path):
    """'mvitv2_mm/ops/rel_pos.py' -> 'ops'."""
    return path.relative_to(PACKAGE).parts[0].removesuffix('.py')


def imports_of(source, path=PACKAGE / 'module.py'):
    """All imports of a module: (absolute dotted name, is it inside a function)."""
    tree = ast.parse(source)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    # the package that a relative import starts from
    package = ['mvitv2_mm', *path.relative_to(PACKAGE).parts[:-1]]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) + 1 - node.level] if node.level else []
            module = '.'.join([*base, *([node.module] if node.module else [])])
            names = [f'{module}.{alias.name}' for alias in node.names]
        else:
            continue
        found += [(name, id(node) in inside) for name in names]
    return found


def modules(root=PACKAGE):
    return [
        pytest.param(path, id=str(path.relative_to(ROOT))) for path in sorted(root.rglob('*.py'))
    ]


def split_imports(path):
    """Parts of the package and third-party packages that a module imports."""
    names = [name.split('.') for name, _ in imports_of(path.read_text(), path)]
    parts = {name[1] for name in names if name[0] == 'mvitv2_mm' and len(name) > 1}
    others = {name[0] for name in names if name[0] != 'mvitv2_mm'}
    return parts - {part_of(path)}, others - sys.stdlib_module_names


@pytest.mark.parametrize('path', [p for p in modules() if part_of(p.values[0]) in CORE])
def test_core_imports_point_down_only(path):
    allowed_parts, allowed_packages = CORE[part_of(path)]
    parts, packages = split_imports(path)
    assert parts <= allowed_parts
    assert packages <= allowed_packages
    assert not [name for name, inside in imports_of(path.read_text(), path) if inside]


def test_the_plan_of_a_network_needs_no_torch():
    assert split_imports(PACKAGE / 'backbones' / 'arch.py') == (set(), set())


@pytest.mark.parametrize('name', [
    '__init__.py', '__main__.py', 'doctor.py', 'waiting.py', 'compat/__init__.py',
    'compat/versions.py', 'compat/mmpretrain/transformers.py'
])
def test_the_doctor_needs_the_standard_library_only(name):
    assert split_imports(PACKAGE / name)[1] == set()


def is_stdlib(name):
    return name.split('.')[0] in sys.stdlib_module_names


@pytest.mark.parametrize('path', [p for p in modules() if part_of(p.values[0]) in QUICK])
def test_quick_parts_import_little_at_their_top(path):
    top = [name for name, inside in imports_of(path.read_text(), path) if not inside]
    others = [name for name in top if not is_stdlib(name) and not name.startswith('mvitv2_mm.')]
    assert others == []
    allowed = QUICK | {'version', 'repairs'} if part_of(path) == '__init__' else QUICK
    assert {name.split('.')[1] for name in top if name.startswith('mvitv2_mm.')} <= allowed


@pytest.mark.parametrize('path', modules(PACKAGE / 'commands'))
def test_commands_call_rooms_and_no_library(path):
    names = {name for name, _ in imports_of(path.read_text(), path)}
    assert all(is_stdlib(name) or name.startswith('mvitv2_mm.') for name in names)


@pytest.mark.parametrize('path', modules())
def test_who_enters_commands_and_the_upper_floor(path):
    """Below nobody knows of them; rooms of the upper floor but one do not know each other."""
    parts = split_imports(path)[0]
    if part_of(path) != '__main__':
        assert 'commands' not in parts
    if part_of(path) not in ('__init__', 'commands', 'quickstart'):
        assert not parts & UPPER - ON_TOP.get(part_of(path), set())


@pytest.mark.parametrize('path', modules())
def test_hosts_and_tools(path):
    """No host at the top of a module that every user imports; nothing imports ``tools``."""
    found = imports_of(path.read_text(), path)
    if part_of(path) in HOST_FREE:
        assert not {name for name, inside in found if name.split('.')[0] in HOSTS and not inside}
    assert not [name for name, _ in found if name.split('.')[0] in ('tools', 'configs', 'tests')]


@pytest.mark.parametrize('part', ['models', 'datasets', 'evaluation', 'engine'])
def test_a_host_is_imported_only_in_its_folder(part):
    for path in (PACKAGE / part).rglob('*.py'):
        hosts = split_imports(path)[1] & HOSTS
        folder, *inside = path.relative_to(PACKAGE / part).parts
        assert hosts <= ({folder} if inside else set()), path


WITHOUT_HOSTS = '''
import sys
for host in ('mmpretrain', 'mmdet', 'mmaction'):
    sys.modules[host] = None
from mvitv2_mm import datasets, evaluation, models
print(models.FederatedLoss.__name__)
'''


def test_what_is_registered_by_location_needs_no_host():
    result = subprocess.run([sys.executable, '-c', WITHOUT_HOSTS],
                            capture_output=True,
                            text=True,
                            cwd=ROOT)
    assert result.stdout == 'FederatedLoss\n', result.stderr[-600:]


def test_parts_do_not_import_each_other_in_circles():
    graph = {}
    for path in PACKAGE.rglob('*.py'):
        if part_of(path) != '__init__':
            parts = split_imports(path)[0]
            known = {p for p in parts if (PACKAGE / p).exists() or (PACKAGE / f'{p}.py').exists()}
            graph.setdefault(part_of(path), set()).update(known)
    assert graph['backbones'] == {'ops', 'layers', 'registry'}  # the graph is not empty
    TopologicalSorter(graph).prepare()  # raises CycleError and names the circle


@pytest.mark.parametrize('line, wanted', [
    ('import torch.nn as nn', [('torch.nn', False)]),
    ('from ..layers import MLP', [('mvitv2_mm.layers.MLP', False)]),
    ('from .window import a, b', [('mvitv2_mm.ops.window.a', False),
                                  ('mvitv2_mm.ops.window.b', False)]),
    ('from . import window', [('mvitv2_mm.ops.window', False)]),
    ('def f():\n    from mmdet import models', [('mmdet.models', True)]),
    ('class A:\n    def f(self):\n        import mmdet', [('mmdet', True)]),
    ('if 1:\n    import mmdet', [('mmdet', False)]),
])
def test_the_reader_of_imports_finds(line, wanted):
    """Control: the rules above rest on this reader."""
    assert imports_of(line, PACKAGE / 'ops' / 'module.py') == wanted


TORCH_ONLY = '''
import sys
sys.modules['mmengine'] = sys.modules['mmcv'] = sys.modules['triton'] = None
from mvitv2_mm.ops import pooling_attention, triton_pooling
print(pooling_attention.__name__)
'''


def test_ops_need_torch_only():
    result = subprocess.run([sys.executable, '-c', TORCH_ONLY],
                            capture_output=True,
                            text=True,
                            cwd=ROOT)
    assert result.stdout == 'pooling_attention\n', result.stderr[-600:]


# what a part imports at its top that an extra brings, or that users choose
OPTIONAL = {
    'benchmark': {'av', 'sklearn', 'timm'},
    'datasets': {'av', 'shapely'},
    'demo': {'starlette', 'uvicorn'},
    'encoded_video': {'av'},
    'ops': {'triton'},
    'quickstart': {'sklearn'},
}
CHOSEN = HOSTS | {'mmcv'}


def distributions_of(names):
    """The distributions that these and what they require, without extras, bring."""
    found, left = set(), [re.match(r'[\w.-]+', name)[0] for name in names]
    while left:
        name = re.sub('[-_.]+', '-', left.pop()).lower()
        if name in found:
            continue
        found.add(name)
        with suppress(metadata.PackageNotFoundError):
            lines = [line for line in metadata.requires(name) or () if 'extra ==' not in line]
            left += [re.match(r'[\w.-]+', line)[0] for line in lines]
    return found


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason='Python 3.10 does not tell what brings some modules')
def test_what_parts_import_comes_with_the_package():
    setup = ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    required = distributions_of(setup['options']['install_requires'].split())
    brought_by = metadata.packages_distributions()
    for path in PACKAGE.rglob('*.py'):
        top = {
            name.split('.')[0]
            for name, inside in imports_of(path.read_text(), path) if not inside
        }
        for name in top - {'mvitv2_mm'} - sys.stdlib_module_names - CHOSEN:
            brought = {re.sub('[-_.]+', '-', d).lower() for d in brought_by.get(name, ())}
            assert name in OPTIONAL.get(part_of(path), ()) or brought & required, (path, name)


def test_type_checkers_see_what_the_package_offers():
    tree = ast.parse((PACKAGE / '__init__.pyi').read_text())
    imports = {
        alias.asname: (PACKAGE / node.module.replace('.', '/')).with_suffix('')
        for node in tree.body
        for alias in node.names
    }
    assert set(imports) == set(mvitv2_mm.__all__)
    assert all(path.is_dir() or path.with_suffix('.py').is_file() for path in imports.values())
