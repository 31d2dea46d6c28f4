"""Model parts that no host library has correctly.

Nothing here imports a host library but the modules that configs import by name.
"""
from .clip_batch_augment import ClipBatchAugment
from .maskfeat import MaskFeat, MaskFeatMViTv2

__all__ = ['ClipBatchAugment', 'MaskFeat', 'MaskFeatMViTv2']
