"""Model parts that no host library has correctly.

Nothing here imports a host library but the modules that configs import by name.
"""
from .batch_augment import ClipBatchAugment, ImageBatchAugment
from .channel_layer_norm import ChannelLayerNorm
from .federated_loss import FederatedLoss
from .maskfeat import MaskFeat, MaskFeatMViTv2

__all__ = [
    'ChannelLayerNorm', 'ClipBatchAugment', 'FederatedLoss', 'ImageBatchAugment', 'MaskFeat',
    'MaskFeatMViTv2'
]
