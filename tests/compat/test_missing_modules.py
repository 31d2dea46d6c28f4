"""Stand-ins for modules that host wheels, torchvision or setuptools no longer have."""
import importlib
import importlib.util
import sys
from importlib import metadata
from types import ModuleType

import pytest

from mvitv2_mm.compat.mmaction import drn
from mvitv2_mm.compat.mmengine import pkg_resources
from mvitv2_mm.compat.pytorchvideo import functional_tensor as pytorchvideo


def test_mmaction_models_import():
    models = importlib.import_module('mmaction.models')
    assert hasattr(models, 'Recognizer3D')
    with pytest.raises(ImportError, match='install mmaction2 from source'):
        models.DRN()


def test_drn_stand_in_yields_to_real_files(tmp_path, monkeypatch):
    """A package with the same missing name is found on disk first."""
    folder = tmp_path / 'drn'
    folder.mkdir()
    (folder / '__init__.py').write_text('REAL = True\n')
    name = drn._PACKAGE
    parent = importlib.import_module('mmaction.models.localizers')
    monkeypatch.setattr(parent, '__path__', [*parent.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(parent, 'drn', None, raising=False)
    importlib.invalidate_caches()
    assert importlib.import_module(name).REAL


@pytest.fixture
def functional_tensor(monkeypatch):
    name = 'torchvision.transforms.functional_tensor'
    monkeypatch.delitem(sys.modules, name, raising=False)
    yield name
    sys.modules.pop(name, None)


def test_functional_tensor_alias_only_with_pytorchvideo(functional_tensor, monkeypatch):
    if importlib.util.find_spec('pytorchvideo') is None:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(functional_tensor)
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec',
                        lambda name, *args: name == 'pytorchvideo' or find_spec(name, *args))
    new = importlib.import_module('torchvision.transforms._functional_tensor')
    assert importlib.import_module(functional_tensor).resize is new.resize
    assert pytorchvideo._alias(functional_tensor).__name__ == functional_tensor


@pytest.fixture
def without_pkg_resources(monkeypatch):
    """Hide the installed module, as setuptools 82 does."""
    monkeypatch.setitem(sys.modules, 'pkg_resources', None)
    module = pkg_resources._stand_in('pkg_resources')
    monkeypatch.setitem(sys.modules, 'pkg_resources', module)
    monkeypatch.setattr(importlib, 'reload', lambda module: module)


def test_mmengine_finds_packages_without_pkg_resources(without_pkg_resources):
    from mmengine.utils import get_installed_path, is_installed
    assert is_installed('mmdet') and is_installed('mmaction2')
    assert not is_installed('surely-not-installed')
    # distribution mmaction2 holds the module mmaction
    assert get_installed_path('mmaction2') == importlib.import_module('mmaction').__path__[0]


def test_pkg_resources_stand_in_offers_nothing_else():
    module = pkg_resources._stand_in('pkg_resources')
    assert isinstance(module, ModuleType)
    assert module.get_distribution('numpy').version == metadata.version('numpy')
    with pytest.raises(module.DistributionNotFound):
        module.get_distribution('surely-not-installed')
    with pytest.raises(ImportError, match='setuptools<81'):
        module.declare_namespace('google')


def test_pkg_resources_stand_in_is_inert_when_installed():
    if importlib.util.find_spec('pkg_resources').origin.startswith('stand-in'):
        pytest.skip('setuptools>=82 is installed, so the stand-in is in use')
    assert importlib.import_module('pkg_resources').__file__
