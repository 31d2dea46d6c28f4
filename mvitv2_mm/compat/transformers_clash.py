"""Let mmpretrain and mmaction2 import beside a recent ``transformers``.

Symptom:
    ``TypeError: NoneType takes no arguments`` or an ImportError from
    ``import mmpretrain.models`` and ``import mmaction.models``.
Cause:
    Their multimodal models load whenever transformers is installed, and those
    files do not work with its releases from 4.50 on.
Repair:
    With such a release both libraries take their own branch for "multimodal
    packages not installed". Multimodal models are then unavailable.
Inert:
    Without transformers, and with an older one.
"""
from importlib import metadata
from types import ModuleType

from mmengine.utils import digit_version

from .import_hooks import after_import

FIRST_BROKEN = '4.50'


def is_clashing() -> bool:
    """Whether the installed transformers is one the hosts cannot load."""
    try:
        version = metadata.version('transformers')
    except metadata.PackageNotFoundError:
        return False
    return digit_version(version) >= digit_version(FIRST_BROKEN)


def _disable_multimodal(module: ModuleType) -> None:
    if is_clashing():
        module.WITH_MULTIMODAL = False


def apply() -> None:
    for host in ('mmpretrain', 'mmaction'):
        after_import(f'{host}.utils.dependency', _disable_multimodal)
