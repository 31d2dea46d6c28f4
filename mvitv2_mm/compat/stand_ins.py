"""Stand-ins for modules that nothing installed provides."""
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Callable, Dict, Optional


class _LastResortFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Last finder: asked only for modules that nothing else provides."""

    def __init__(self) -> None:
        self.factories: Dict[str, Callable[[], Optional[ModuleType]]] = {}

    def find_spec(self, fullname, path=None, target=None):
        module = self.factories.get(fullname, lambda: None)()
        if module is None:
            return None
        spec = importlib.machinery.ModuleSpec(
            fullname, self, origin='stand-in of mvitv2_mm', is_package=hasattr(module, '__path__'))
        spec.loader_state = module
        return spec

    def create_module(self, spec):
        return spec.loader_state

    def exec_module(self, module):
        """The factory already filled the module."""


_last_resort = _LastResortFinder()


def provide_missing(name: str, factory: Callable[[], Optional[ModuleType]]) -> None:
    """Serve a stand-in for the module ``name`` if it is not installed.

    Args:
        name (str): Full module name.
        factory (Callable): Returns the filled module, or None to leave the module missing. A
            module with ``__path__`` is a package.
    """
    if _last_resort not in sys.meta_path:
        sys.meta_path.append(_last_resort)
    _last_resort.factories[name] = factory


def is_stand_in(name: str) -> bool:
    """Whether a loaded module is one of ours."""
    spec = getattr(sys.modules[name], '__spec__', None)
    return getattr(spec, 'loader', None) is _last_resort
