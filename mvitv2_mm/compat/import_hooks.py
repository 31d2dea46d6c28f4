"""Two import hooks that let a repair wait until its target is imported.

``after_import`` runs a callback right after a module was executed;
``provide_missing`` serves a module only if no installed package has it.
Neither imports anything, so a repair of a host library costs nothing to users
who never load that library.
"""
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Callable, Dict, List, Optional


class _WatchedLoader(importlib.abc.Loader):
    """Another loader, followed by callbacks."""

    def __init__(self, loader, callbacks: List[Callable[[ModuleType], None]]) -> None:
        self.loader = loader
        self.callbacks = callbacks

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        for callback in self.callbacks:
            callback(module)

    def __getattr__(self, name):
        return getattr(self.loader, name)  # source, resources, ...


class _AfterImportFinder(importlib.abc.MetaPathFinder):
    """First finder: lets the others find the module and watches it load."""

    def __init__(self) -> None:
        self.callbacks: Dict[str, List[Callable[[ModuleType], None]]] = {}

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self.callbacks:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, 'find_spec'):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _WatchedLoader(spec.loader, self.callbacks[fullname])
                return spec
        return None


class _LastResortFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Last finder: asked only for modules that nothing else provides."""

    def __init__(self) -> None:
        self.factories: Dict[str, Callable[[str], Optional[ModuleType]]] = {}

    def find_spec(self, fullname, path=None, target=None):
        factory = self.factories.get(fullname)
        if factory is None:
            return None
        module = factory(fullname)
        if module is None:
            return None
        spec = importlib.machinery.ModuleSpec(
            fullname,
            self,
            origin=f'stand-in made by {factory.__module__}',
            is_package=hasattr(module, '__path__'))
        spec.loader_state = module
        return spec

    def create_module(self, spec):
        return spec.loader_state

    def exec_module(self, module):
        """The factory already filled the module."""


_after_import = _AfterImportFinder()
_last_resort = _LastResortFinder()


def _install() -> None:
    if _after_import not in sys.meta_path:
        sys.meta_path.insert(0, _after_import)
    if _last_resort not in sys.meta_path:
        sys.meta_path.append(_last_resort)


def after_import(name: str, callback: Callable[[ModuleType], None]) -> None:
    """Call ``callback(module)`` once the module ``name`` is loaded.

    Args:
        name (str): Full module name.
        callback (Callable): Gets the module; called at once if it is loaded
            already, otherwise right after its code ran, before the importing
            statement sees it.
    """
    _install()
    _after_import.callbacks.setdefault(name, []).append(callback)
    module = sys.modules.get(name)
    if module is not None:
        callback(module)


def provide_missing(name: str, factory: Callable[[str], Optional[ModuleType]]) -> None:
    """Serve a stand-in for the module ``name`` if it is not installed.

    Args:
        name (str): Full module name.
        factory (Callable): Gets the name, returns the filled module, or None
            to leave the module missing. A module with ``__path__`` is a
            package.
    """
    _install()
    _last_resort.factories[name] = factory
