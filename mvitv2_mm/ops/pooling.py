"""Depthwise pooling of token grids, without copies into another layout.

Source: the q, k, v pooling of MViTv2 (paper, section 3; SlowFast ``models/attention.py``).
"""
from typing import Iterator, List, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .caching import cache_index
from .double_backward import differentiable_grads, leaves_to_autograd
from .memory import autocast_dtype
from .ndim import channels_last
from .tracing import is_traced


def reference_depthwise_conv(x: Tensor, weight: Tensor, stride: Sequence[int]) -> Tensor:
    """:func:`depthwise_conv` by one convolution and PyTorch's gradients."""
    conv = {2: F.conv2d, 3: F.conv3d}[len(stride)]
    padding = [k // 2 for k in weight.shape[2:]]
    return channels_last(lambda feat: conv(feat, weight, None, stride, padding, groups=len(weight)),
                         x, len(stride))


def fill_stride(x: Tensor, grid: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Append zeros to the axes of a map that are shorter than the stride of its pooling.

    The pooling reads the same single window, padding included, but torch 2.11's bfloat16 CPU
    kernel returns garbage as the gradient of taps in the padding where a stride is larger than the
    map.

    Args:
        x (Tensor): Shape (B, *grid, C).
        grid (Sequence[int]): Its size.
        stride (Sequence[int]): Stride per axis, in tokens.

    Returns:
        Tensor: Shape (B, *max(grid, stride), C); ``x`` itself where no axis is shorter.
    """
    # sizes that torch.export keeps open are no ints
    missing = [s - n if type(n) is int and n < s else 0 for n, s in zip(grid, stride)]
    if not any(missing):
        return x
    return F.pad(x, [0, 0] + [p for after in reversed(missing) for p in (0, after)])


def _is_conv3d_fast(device: torch.device) -> bool:
    """Whether 3D depthwise convolution has a fast forward; its backward has none anywhere."""
    return device.type == 'cpu'


def _taps(size: int, kernel: int) -> Iterator[Tuple[int, slice, slice]]:
    """Per frame of a kernel, the centre first: which frames it reads and which it adds to."""
    centre = kernel // 2
    for shift in sorted(range(-centre, centre + 1), key=abs):
        if abs(shift) < size:
            yield (centre + shift, slice(max(0, shift), size + min(0, shift)),
                   slice(max(0, -shift), size - max(0, shift)))


def _conv_clips(x: Tensor, weight: Tensor, stride: Sequence[int]) -> Tensor:
    """Convolution of clips (B, T, H, W, C) with a stride (H, W)."""
    if weight.shape[2] > 1 and _is_conv3d_fast(x.device):
        return reference_depthwise_conv(x, weight, (1, *stride))
    out = None
    for tap, source, target in _taps(x.shape[1], weight.shape[2]):
        frames = reference_depthwise_conv(x.flatten(0, 1), weight[:, :, tap], stride)
        part = frames.unflatten(0, x.shape[:2])[:, source]
        if out is None:
            out = part
        else:
            out[:, target] += part
    return out


def _frames_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: Sequence[int],
                     wanted: Sequence[bool]) -> Tensor:
    """The wanted gradient of a 2D convolution of all frames, to ``x`` or to ``weight``."""
    grad, frames = (t.flatten(0, 1).permute(0, 3, 1, 2) for t in (grad, x))
    padding = [k // 2 for k in weight.shape[2:]]
    grads = torch.ops.aten.convolution_backward(grad, frames, weight.contiguous(),
                                                None, stride, padding, (1, 1), False, (0, 0),
                                                len(weight), (*wanted, False))
    return grads[wanted.index(True)]


def _map_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: Sequence[int]) -> Tensor:
    """:func:`_frames_gradient` to ``x`` (B, T, H, W, C)."""
    maps = x
    if x.device.type == 'cpu' and x.dtype.itemsize < 4 and max(stride) > 1:
        # torch 2.11's half precision CPU kernel for the gradient to x is 20 to 100 times slower.
        maps = torch.empty_like(x, dtype=torch.float32)  # no value of x is read for it
    dx = _frames_gradient(
        grad.to(maps.dtype), maps, weight.to(maps.dtype), stride, wanted=(True, False))
    return dx.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])


class _ConvClips(torch.autograd.Function):
    """:func:`_conv_clips` with a backward by 2D convolutions."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, stride: Sequence[int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return _conv_clips(x, weight, stride)

    @staticmethod
    def backward(ctx, grad: Tensor):
        if leaves_to_autograd():
            return differentiable_grads(reference_depthwise_conv, ctx, grad, (1, *ctx.stride))
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, _ = ctx.needs_input_grad
        dx, dweight = None, torch.zeros_like(weight) if needs_weight else None
        for tap, source, target in _taps(x.shape[1], weight.shape[2]):
            parts = grad[:, target], x[:, source], weight[:, :, tap], ctx.stride
            if needs_x and dx is None:
                dx = _map_gradient(*parts).to(x.dtype)
            elif needs_x:
                dx[:, source] += _map_gradient(*parts)
            if needs_weight:
                dweight[:, :, tap] = _frames_gradient(*parts, wanted=(False, True))
        return dx, dweight, None


def depthwise_conv(x: Tensor, weight: Tensor, stride: Sequence[int]) -> Tensor:
    """Depthwise convolution of channels-last maps with 'same' zero padding.

    A clip is convolved as a sum over the frames of the kernel, each a 2D convolution of all frames:
    2D depthwise kernels for channels-last maps exist on every device, 3D ones are slow (on a CPU,
    only their backward is). An image is a clip of one frame.

    Args:
        x (Tensor): Shape (B, *grid, C).
        weight (Tensor): Shape (C, 1, *kernel), odd kernel sizes.
        stride (Sequence[int]): Stride per axis, in tokens.

    Returns:
        Tensor: Shape (B, *out_grid, C), ``out_grid[a] = ceil(grid[a] / stride[a])``.
    """
    x = fill_stride(x, x.shape[1:-1], stride)
    if x.dim() == 4:
        return depthwise_conv(x[:, None], weight[:, :, None], (1, *stride))[:, 0]
    dtype = autocast_dtype(x)
    is_plain = not torch.is_grad_enabled() or is_traced()
    conv = _conv_clips if is_plain else _ConvClips.apply
    return conv(x.to(dtype), weight.to(dtype), stride[1:])[:, ::stride[0]]


def _read_positions(size: int, kernel: int, stride: int) -> List[int]:
    """Positions on an axis that a pooling with ``stride > kernel`` and 'same' padding reads."""
    windows = (range(i - kernel // 2, i - kernel // 2 + kernel) for i in range(0, size, stride))
    return [p for window in windows for p in window if 0 <= p < size]


@cache_index
def _read_index(size: int, kernel: int, stride: int, device: str) -> Tensor:
    # From a list, not a mask: its length must not depend on data, for torch.compile.
    return torch.tensor(_read_positions(size, kernel, stride), device=device)


def drop_unread(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Drop the tokens of a map that no window of a strided pooling reads.

    Pooling what is left with ``min(kernel, stride)`` as stride gives the same result, so a
    projection before the pooling can skip the rest: a stride of 8 with a kernel of 3 reads 14 % of
    a map.

    Args:
        x (Tensor): Shape (B, *grid, C).
        kernel (Sequence[int]): Odd kernel per axis.
        stride (Sequence[int]): Stride per axis.

    Returns:
        Tensor: Shape (B, *smaller_grid, C).
    """
    for axis, (k, s) in enumerate(zip(kernel, stride)):
        if s > k:
            index = _read_index(x.shape[axis + 1], k, s, str(x.device))
            x = x.index_select(axis + 1, index)
    return x


def read_grid(grid: Sequence[int], kernel: Sequence[int], stride: Sequence[int]) -> Tuple[int, ...]:
    """Grid that :func:`drop_unread` leaves of a grid."""
    return tuple(
        len(_read_positions(n, k, s)) if s > k else n for n, k, s in zip(grid, kernel, stride))
