"""A stand-in serves a module only if nothing else does."""
import importlib
import sys
from types import ModuleType

import pytest

from mvitv2_mm.compat import stand_ins
from mvitv2_mm.compat.stand_ins import is_stand_in, provide_missing


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Import path with ``hooked_pkg`` (a package) and ``hooked_pkg.leaf``."""
    folder = tmp_path / 'hooked_pkg'
    folder.mkdir()
    (folder / '__init__.py').write_text('from .leaf import VALUE\n')
    (folder / 'leaf.py').write_text('VALUE = 1\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(stand_ins._last_resort, 'factories', {})
    yield
    for name in [name for name in sys.modules if name.startswith('hooked_pkg')]:
        del sys.modules[name]


def make():
    module = ModuleType('any name')
    module.VALUE = 'stand-in'
    return module


def test_stand_in_serves_a_missing_module(package):
    provide_missing('hooked_pkg.missing', make)
    module = importlib.import_module('hooked_pkg.missing')
    assert module.VALUE == 'stand-in'
    assert 'stand-in' in module.__spec__.origin and is_stand_in('hooked_pkg.missing')


def test_stand_in_is_inert_for_an_existing_module(package):
    provide_missing('hooked_pkg.leaf', make)
    assert importlib.import_module('hooked_pkg.leaf').VALUE == 1
    assert not is_stand_in('hooked_pkg.leaf')


def test_factory_may_decline(package):
    provide_missing('hooked_pkg.declined', lambda: None)
    with pytest.raises(ModuleNotFoundError, match='hooked_pkg.declined'):
        importlib.import_module('hooked_pkg.declined')
