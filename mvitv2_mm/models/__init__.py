"""Model parts that no host library has correctly, in a folder for each host that they serve.

Only files in the folder of a host import it, and configs name those; nothing here imports a host.
"""
from .exported import ExportedModel
from .layer_norm_2d import LayerNorm2d
from .maskfeat import MaskFeat, MaskFeatMViTv2
from .mmaction.batch_augment import ClipBatchAugment
from .mmdet.federated_loss import FederatedLoss
from .mmpretrain.batch_augment import ImageBatchAugment

__all__ = [
    'ClipBatchAugment', 'ExportedModel', 'FederatedLoss', 'ImageBatchAugment', 'LayerNorm2d',
    'MaskFeat', 'MaskFeatMViTv2'
]
