"""MViTv2 model zoo for OpenMMLab: image classification, detection and video.

Importing this package, ``mvitv2_mm.ops`` or ``mvitv2_mm.layers`` changes nothing elsewhere;
``mvitv2_mm.repairs``, which comes with the backbone, repairs the host libraries.
"""
from .version import __version__


def __getattr__(name: str):
    """Load the backbone on first use: ``mvitv2_mm.ops`` needs no OpenMMLab package."""
    if name != 'MViTv2':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from . import repairs  # noqa: F401  names a missing package and its remedy
    from .backbones import MViTv2
    return MViTv2


__all__ = ['MViTv2', '__version__']
