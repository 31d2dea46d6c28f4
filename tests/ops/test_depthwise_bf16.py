"""Gradients of the depthwise pooling in bfloat16, on maps down to one token."""
import itertools

import pytest
import torch
from op_records import OpRecorder

from mvitv2_mm.ops.pooling import depthwise_conv, fill_stride, reference_depthwise_conv


def fill_freed_memory():
    """Leave NaN in the memory that the next allocations get."""
    sizes, dtypes = (72, 144, 216, 432, 1024, 4096), (torch.float32, torch.bfloat16)
    junk = [torch.full((n, ), float('nan'), dtype=t) for n in sizes for t in dtypes * 6]
    del junk


def gradients(inputs, stride, conv):
    """Gradients to maps and weight, in float64."""
    inputs = [x.detach().requires_grad_() for x in inputs]
    out = conv(*inputs, stride)
    return [grad.double() for grad in torch.autograd.grad(out.sum(), inputs)]


def filled_conv(x, weight, stride):
    """As the layers call their own convolutions."""
    return reference_depthwise_conv(fill_stride(x, x.shape[1:-1], stride), weight, stride)


@pytest.mark.parametrize('frames, conv', [(0, depthwise_conv), (0, filled_conv),
                                          (1, depthwise_conv), (3, depthwise_conv)])
@pytest.mark.parametrize('channels', [8, 16])
@pytest.mark.parametrize('stride', [1, 2, 3, 4, 8])
def test_gradients_are_those_of_float64(channels, stride, frames, conv):
    """torch 2.11's CPU kernel leaves gradients unwritten where the stride exceeds the map."""
    time, stride = (frames, ) * bool(frames), (1, ) * bool(frames) + (stride, stride)
    for height, width in itertools.product((1, 2, 3, 7, 8), (1, 2, 5, 8, 9)):
        x = torch.randn(2, *time, height, width, channels).bfloat16()
        weight = torch.randn(channels, 1, *(3, ) * len(stride)).bfloat16()
        expected = gradients((x.double(), weight.double()), stride, reference_depthwise_conv)
        fill_freed_memory()
        results = gradients((x, weight), stride, conv)
        for result, wanted in zip(results, expected):
            torch.testing.assert_close(result, wanted, atol=.1, rtol=.02)


@pytest.mark.parametrize('grid', [(8, 8), (2, 8, 8)])
def test_strided_gradients_to_maps_are_computed_in_float32(grid):
    """torch 2.11's bfloat16 CPU kernel takes 20 to 100 times as long."""
    x, weight = torch.randn(1, *grid, 8), torch.randn(8, 1, *(3, ) * len(grid))
    for stride, dtype in ((1, torch.bfloat16), (2, torch.float32)):
        stride = (1, stride, stride)[-len(grid):]
        with OpRecorder() as ops:
            dx, _ = gradients((x.bfloat16(), weight.bfloat16()), stride, depthwise_conv)
        dtypes = ops.dtypes('aten::convolution_backward')
        # one call per gradient and frame of the kernel, to maps and to weights in turn
        assert set(dtypes[::2]) == {dtype}
        assert set(dtypes[1::2]) == {torch.bfloat16}


def test_frozen_weights_cost_no_gradient():
    x = torch.randn(1, 4, 8, 8, 8, requires_grad=True)
    weight = torch.randn(8, 1, 3, 3, 3)
    with OpRecorder() as ops:
        depthwise_conv(x, weight, (1, 2, 2)).sum().backward()
    assert len(ops.shapes('aten::convolution_backward')) == 3  # one for each frame of the kernel
    grad, x.grad = x.grad, None
    reference_depthwise_conv(x, weight, (1, 2, 2)).sum().backward()
    torch.testing.assert_close(grad, x.grad)


@pytest.mark.parametrize('grid', [(8, 8), (2, 8, 8)])
def test_autocast_casts_maps_and_weights(grid):
    x, weight = torch.randn(1, *grid, 8), torch.randn(8, 1, *(3, ) * len(grid), requires_grad=True)
    with torch.autocast('cpu', torch.bfloat16):
        out = depthwise_conv(x, weight, (1, ) * len(grid))
        assert depthwise_conv(x.double(), weight.double(), (1, ) * len(grid)).dtype == torch.float64
    assert out.dtype == torch.bfloat16
    out.sum().backward()
    assert weight.grad.dtype == torch.float32
