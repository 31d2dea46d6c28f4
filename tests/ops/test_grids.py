"""Sizes, rank-dependent classes, absolute positions and depthwise pooling."""
import itertools

import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F
from op_records import OpRecorder

from mvitv2_mm.ops import (conv_out_size, depthwise_conv, drop_unread, get_conv_class,
                           get_max_pool_class, read_grid, resize_abs_pos, to_ntuple)
from mvitv2_mm.ops.pooling import reference_depthwise_conv


@pytest.mark.parametrize('ndim, conv, pool', [(2, nn.Conv2d, nn.MaxPool2d),
                                              (3, nn.Conv3d, nn.MaxPool3d)])
def test_classes_follow_the_rank(ndim, conv, pool):
    assert get_conv_class(ndim) is conv
    assert get_max_pool_class(ndim) is pool


def test_to_ntuple():
    assert to_ntuple(3, 2, 'x') == (3, 3)
    assert to_ntuple([1, 8, 8], 3, 'x') == (1, 8, 8)
    with pytest.raises(ValueError, match=r'"stride" should be an int or 2 ints \(H, W\), but got '):
        to_ntuple((1, 8, 8), 2, 'stride')
    with pytest.raises(ValueError, match=r'3 ints \(T, H, W\), but got \(4, 4\)'):
        to_ntuple((4, 4), 3, 'stride')


@pytest.mark.parametrize('size', [1, 4, 7, 16, 31])
@pytest.mark.parametrize('kernel, stride, padding', [(7, 4, 3), (3, 2, 1), (1, 1, 0), (3, 8, 1)])
def test_conv_out_size_is_what_a_convolution_gives(size, kernel, stride, padding):
    feat = nn.Conv2d(1, 1, (kernel, 3), (stride, 1), (padding, 1))(torch.zeros(1, 1, size, 5))
    assert conv_out_size((size, 5), (kernel, 3), (stride, 1), (padding, 1)) == feat.shape[2:]


@pytest.mark.parametrize('src, dst, mode', [((4, 4), (6, 5), 'bicubic'),
                                            ((2, 4, 4), (3, 5, 2), 'trilinear')])
@pytest.mark.parametrize('num_extra', [0, 1])
def test_resize_abs_pos(src, dst, mode, num_extra):
    num = torch.Size(src).numel()
    embed = torch.randn(1, num_extra + num, 3, dtype=torch.float64)
    out = resize_abs_pos(embed, src, dst)
    assert torch.equal(out[:, :num_extra], embed[:, :num_extra])
    for channel in range(3):  # one map at a time
        feat = embed[0, num_extra:, channel].reshape(1, 1, *src)
        wanted = F.interpolate(feat, size=dst, mode=mode, align_corners=False)
        torch.testing.assert_close(out[0, num_extra:, channel], wanted.flatten())
    assert resize_abs_pos(embed, src, src) is embed


def conv_loop(x, weight, stride):
    """Sum over kernel taps, one output position at a time, zeros outside the map."""
    grid, kernel = x.shape[1:-1], weight.shape[2:]
    out_grid = [-(-n // s) for n, s in zip(grid, stride)]
    out = x.new_zeros(x.shape[0], *out_grid, x.shape[-1])
    for position in itertools.product(*map(range, out_grid)):
        for tap in itertools.product(*map(range, kernel)):
            src = tuple(p * s + t - k // 2 for p, s, t, k in zip(position, stride, tap, kernel))
            if all(0 <= i < n for i, n in zip(src, grid)):
                out[(slice(None), *position)] += (
                    x[(slice(None), *src)] * weight[(slice(None), 0, *tap)])
    return out


CONVS = [((6, 5), (3, 3), (1, 1)), ((6, 5), (3, 3), (2, 2)), ((5, 8), (5, 3), (4, 1)),
         ((3, 5, 4), (3, 3, 3), (1, 2, 2)), ((2, 9, 5), (3, 3, 3), (1, 8, 8)),
         ((1, 4, 4), (5, 3, 3), (1, 1, 1)), ((4, 3, 3), (1, 3, 3), (1, 1, 1)),
         ((5, 3, 3), (3, 3, 1), (2, 1, 1))]


@pytest.mark.parametrize('way', ['auto', 'by frames', 'reference'])
@pytest.mark.parametrize('grid, kernel, stride', CONVS)
def test_depthwise_conv_against_loop(grid, kernel, stride, way, monkeypatch):
    """By frames: as on a GPU."""
    if way == 'by frames':
        monkeypatch.setattr('mvitv2_mm.ops.pooling._is_conv3d_fast', lambda device: False)
    x = torch.randn(2, *grid, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 1, *kernel, dtype=torch.float64, requires_grad=True)
    conv = reference_depthwise_conv if way == 'reference' else depthwise_conv
    out, wanted = conv(x, weight, stride), conv_loop(x, weight, stride)
    with torch.no_grad():
        assert torch.equal(conv(x, weight, stride), out)
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-12)
    probe = torch.randn_like(out)
    grads, wanted_grads = (
        torch.autograd.grad((y * probe).sum(), (x, weight)) for y in (out, wanted))
    for grad, wanted_grad in zip(grads, wanted_grads):
        torch.testing.assert_close(grad, wanted_grad, rtol=0, atol=1e-12)


def test_3d_convolutions_have_no_3d_backward():
    """It is 10 to 30 times slower than those of the frames."""
    x, weight = torch.randn(2, 4, 5, 5, 3), torch.randn(3, 1, 3, 3, 3)
    for conv, ndim in ((depthwise_conv, 2), (reference_depthwise_conv, 3)):
        with OpRecorder() as ops:
            out = conv(x, weight.requires_grad_(), (1, 2, 2))
            out.sum().backward()
        shapes = ops.shapes('aten::convolution_backward')
        assert shapes and {len(shape) for shape in shapes} == {2 + ndim}


@pytest.mark.parametrize('size', range(1, 20))
@pytest.mark.parametrize('kernel, stride', [(3, 8), (3, 4), (1, 2), (5, 8)])
def test_pooling_what_is_read_equals_pooling_the_whole_map(size, kernel, stride):
    x, weight = torch.randn(1, size, 5, 2), torch.randn(2, 1, kernel, 3)
    smaller = drop_unread(x, (kernel, 3), (stride, 1))
    assert smaller.shape[1] <= -(-size // stride) * kernel
    assert smaller.shape[1:3] == read_grid((size, 5), (kernel, 3), (stride, 1))
    torch.testing.assert_close(
        depthwise_conv(smaller, weight, (min(kernel, stride), 1)),
        depthwise_conv(x, weight, (stride, 1)))


def test_nothing_is_dropped_where_every_token_is_read():
    x = torch.randn(1, 6, 6, 2)
    assert drop_unread(x, (3, 3), (2, 3)) is x
