from typing import Sequence

from mmaction.models.heads import MViTHead
from torch import Tensor

from ...registry import MODELS


@MODELS.register_module()
class PooledMViTHead(MViTHead):
    """mmaction2's ``MViTHead`` for a backbone that pools, such as with ``avg_then_norm``."""

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Features (B, C) of the last scale."""
        return feats[-1]
