"""MViTv2 model zoo for OpenMMLab: image classification, detection and video.

``import mvitv2_mm`` also repairs the installed host libraries (:mod:`mvitv2_mm.repairs`), so that
it is enough in a config or script. ``mvitv2_mm.ops`` and ``mvitv2_mm.layers`` alone change nothing
elsewhere.
"""
import importlib
import sys
from importlib import _bootstrap
from importlib.util import find_spec

from .version import __version__

# parts that need no repaired host
_ALONE = {
    'ops', 'layers', 'config_edit', 'commands', 'doctor', 'errors', 'extras', 'files', 'names',
    '__main__'
}


def _stands_alone() -> bool:
    """Whether the running import is of a part that needs no repaired host.

    Python imports a package before its parts. Which part is asked for is only written in the locks
    that the import system holds for all modules that it is importing.
    """
    if sys.argv[:1] == ['-m']:  # ``python -m mvitv2_mm``, before __main__ is found
        return True
    locks = getattr(_bootstrap, '_module_locks', ())
    parts = {name.split('.')[1] for name in tuple(locks) if name.startswith(f'{__name__}.')}
    return bool(parts) and parts <= _ALONE


if not _stands_alone() and all(map(find_spec, ('torch', 'mmengine', 'mmcv', 'wrapt'))):
    from . import repairs  # noqa: F401

_LAZY = {
    'MViTv2': '.backbones',
    'MViTv2Classifier': '.classifier',
    'create_model': '.classifier',
    'Inferencer': '.inference.inferencer',
}


def __getattr__(name: str):
    """Load a name on first use: ``mvitv2_mm.ops`` needs no OpenMMLab package."""
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    importlib.import_module('.repairs', __name__)  # names a missing package and its remedy
    return getattr(importlib.import_module(_LAZY[name], __name__), name)


__all__ = ['Inferencer', 'MViTv2', 'MViTv2Classifier', '__version__', 'create_model']
