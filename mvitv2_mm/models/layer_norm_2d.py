import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ..registry import MODELS


@MODELS.register_module()
class LayerNorm2d(nn.Module):
    """Layer norm over the channels of a map.

    It is no ``nn.LayerNorm``, so that rules for norm layers, such as their weight decay, pass it by
    as they do in detectron2.

    Args:
        num_features (int): Channels.
        eps (float): Added to the variance. Defaults to 1e-6.

    Source: detectron2 ``layers/batch_norm.py``.
    """

    def __init__(self, num_features: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape, contiguous as mmcv's RoIAlign needs it."""
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2).contiguous()
