"""The two import hooks: a callback after import, and a stand-in for a missing module."""
import importlib
import importlib.util
import inspect
import sys
from types import ModuleType

import pytest

from mvitv2_mm.compat import import_hooks
from mvitv2_mm.compat.import_hooks import after_import, provide_missing


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Import path with ``hooked_pkg`` (a package) and ``hooked_pkg.leaf``."""
    folder = tmp_path / 'hooked_pkg'
    folder.mkdir()
    (folder / '__init__.py').write_text('from .leaf import VALUE\n')
    (folder / 'leaf.py').write_text('VALUE = 1\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(import_hooks._after_import, 'callbacks', {})
    monkeypatch.setattr(import_hooks._last_resort, 'factories', {})
    yield
    for name in [name for name in sys.modules if name.startswith('hooked_pkg')]:
        del sys.modules[name]


def test_callback_runs_before_the_importer_sees_the_module(package):
    after_import('hooked_pkg.leaf', lambda module: setattr(module, 'VALUE', module.VALUE + 1))
    after_import('hooked_pkg.leaf', lambda module: setattr(module, 'VALUE', module.VALUE * 10))
    assert 'hooked_pkg' not in sys.modules
    # a look-up that imports nothing must not use the callbacks up
    assert importlib.util.find_spec('hooked_pkg') is not None
    assert importlib.import_module('hooked_pkg').VALUE == 20
    leaf = importlib.import_module('hooked_pkg.leaf')
    assert inspect.getsource(leaf) == 'VALUE = 1\n'
    assert importlib.reload(leaf).VALUE == 20


def test_callback_runs_at_once_for_a_loaded_module(package):
    module = importlib.import_module('hooked_pkg.leaf')
    seen = []
    after_import('hooked_pkg.leaf', seen.append)
    assert seen == [module]


def test_error_of_the_module_reaches_the_importer(package, tmp_path):
    (tmp_path / 'hooked_pkg' / 'broken.py').write_text('raise KeyError("inside")\n')
    seen = []
    after_import('hooked_pkg.broken', seen.append)
    with pytest.raises(KeyError, match='inside'):
        importlib.import_module('hooked_pkg.broken')
    assert not seen


def _stand_in(name):
    module = ModuleType(name)
    module.VALUE = 'stand-in'
    return module


def test_stand_in_serves_a_missing_module(package):
    provide_missing('hooked_pkg.missing', _stand_in)
    module = importlib.import_module('hooked_pkg.missing')
    assert module.VALUE == 'stand-in'
    assert 'stand-in' in module.__spec__.origin


def test_stand_in_is_inert_for_an_existing_module(package):
    provide_missing('hooked_pkg.leaf', _stand_in)
    assert importlib.import_module('hooked_pkg.leaf').VALUE == 1


def test_factory_may_decline(package):
    provide_missing('hooked_pkg.declined', lambda name: None)
    with pytest.raises(ModuleNotFoundError, match='hooked_pkg.declined'):
        importlib.import_module('hooked_pkg.declined')
