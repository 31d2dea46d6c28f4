"""Serve the part of ``pkg_resources`` that MMEngine 0.10 asks for.

Symptom:
    ``No module named 'pkg_resources'`` from configs that inherit with
    ``_base_ = 'mmdet::...'`` and from ``mmengine.hub``.
Cause:
    setuptools 82 removed the module.
Repair:
    A stand-in with ``get_distribution`` on top of ``importlib.metadata``. Any
    other name raises ImportError, as if the module were absent.
Inert:
    Where setuptools < 82 is installed, and with MMEngine 0.11.
"""
from importlib import metadata
from types import ModuleType

from ..versions import Window

WINDOWS = (Window('mmengine', '0.10.7', '0.12', tested='0.10.7'), )


class DistributionNotFound(Exception):
    """No such distribution is installed."""


class Distribution:
    """An installed distribution, with the attributes MMEngine reads."""

    def __init__(self, name: str) -> None:
        try:
            self._dist = metadata.distribution(name)
        except metadata.PackageNotFoundError as error:
            raise DistributionNotFound(name) from error
        self.version = self._dist.version
        self.location = str(self._dist.locate_file(''))

    def has_metadata(self, name: str) -> bool:
        return self._dist.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        return self._dist.read_text(name) or ''


def _refuse(name: str):
    if name.startswith('__'):
        raise AttributeError(name)
    raise ImportError(f'pkg_resources.{name} is gone: setuptools>=82 has no pkg_resources. '
                      'Run: pip install "setuptools<81"')


def _stand_in(name: str) -> ModuleType:
    module = ModuleType(name, __doc__)
    module.get_distribution = Distribution
    module.DistributionNotFound = DistributionNotFound
    module.__getattr__ = _refuse
    return module


STAND_INS = {'pkg_resources': _stand_in}
