from typing import Sequence

from torch import Tensor

from ...registry import MODELS
from .mvit_head import MViTHead


@MODELS.register_module()
class PooledMViTHead(MViTHead):
    """Our ``MViTHead`` for a backbone that pools, such as with ``avg_then_norm``."""

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Features (B, C) of the last scale."""
        return feats[-1]
