from typing import Sequence, Tuple

import torch.nn as nn
from torch import Tensor

from ..ops import get_conv_class


class PatchEmbed(nn.Module):
    """Strided convolution that turns an image or a clip into tokens.

    Args:
        in_channels (int): Channels of the input.
        embed_dims (int): Channels of a token.
        kernel_size (Sequence[int]): Per axis, in pixels (frames on the time axis). Its length, 2 or
            3, selects the rank.
        stride (Sequence[int]): Per axis, in pixels (frames).
        padding (Sequence[int]): Per axis, in pixels (frames).
    """

    def __init__(self, in_channels: int, embed_dims: int, kernel_size: Sequence[int],
                 stride: Sequence[int], padding: Sequence[int]) -> None:
        super().__init__()
        conv_class = get_conv_class(len(kernel_size))
        self.projection = conv_class(in_channels, embed_dims, kernel_size, stride, padding)

        self.stride = tuple(stride)

    def forward(self, x: Tensor) -> Tuple[Tensor, Tuple[int, ...]]:
        """(B, C_in, *size) -> tokens (B, prod(grid), C) and their grid."""
        feat = self.projection(x)
        return feat.flatten(2).transpose(1, 2), feat.shape[2:]
