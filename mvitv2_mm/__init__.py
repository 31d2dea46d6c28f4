"""MViTv2 model zoo for OpenMMLab: image classification, detection and video."""
from importlib.util import find_spec

from .version import __version__

if find_spec('mmengine') and find_spec('mmcv'):
    from . import checkpoint_hooks, compat
    compat.apply()
    checkpoint_hooks.install()


def __getattr__(name: str):
    """Load the backbone on first use: ``mvitv2_mm.ops`` needs no OpenMMLab package."""
    if name != 'MViTv2':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from . import compat  # noqa: F401  names a missing package and its remedy
    from .backbones import MViTv2
    return MViTv2


__all__ = ['MViTv2', '__version__']
