from .mvitv2 import MViTv2

__all__ = ['MViTv2']
