from typing import Sequence, Tuple

import torch.nn as nn
from torch import Tensor

from ..ops import conv_out_size, get_conv_class


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

        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, *size) -> tokens (B, prod(grid), C), see :meth:`out_size` for the grid."""
        return self.projection(x).flatten(2).transpose(1, 2)

    def out_size(self, size: Sequence[int]) -> Tuple[int, ...]:
        """Size of an input in pixels (and frames) -> its token grid."""
        return conv_out_size(size, self.kernel_size, self.stride, self.padding)
