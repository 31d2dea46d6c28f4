"""Model parts that no host library has correctly. Nothing here imports a host library."""
from .clip_batch_augment import ClipBatchAugment

__all__ = ['ClipBatchAugment']
