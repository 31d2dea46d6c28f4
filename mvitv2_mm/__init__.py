"""MViTv2 model zoo for OpenMMLab: image classification, detection and video."""
from .backbones import MViTv2
from .version import __version__

__all__ = ['MViTv2', '__version__']
