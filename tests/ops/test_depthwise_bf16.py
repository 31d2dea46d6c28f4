"""Gradients of the depthwise pooling in bfloat16, on maps down to one token."""
import itertools

import pytest
import torch
import torch.nn.functional as F

from mvitv2_mm.ops.pooling import depthwise_conv


def fill_freed_memory():
    """Leave NaN in the memory that the next allocations get."""
    sizes, dtypes = (72, 144, 216, 432, 1024, 4096), (torch.float32, torch.bfloat16)
    junk = [torch.full((n, ), float('nan'), dtype=t) for n in sizes for t in dtypes * 6]
    del junk


@pytest.mark.parametrize('channels', [8, 16])
@pytest.mark.parametrize('stride', [1, 2, 3, 4, 8])
def test_gradients_are_those_of_float64(channels, stride):
    """torch 2.11's CPU kernel leaves gradients unwritten where the stride exceeds the map."""
    for height, width in itertools.product((1, 2, 3, 7, 8), (1, 2, 5, 8, 9)):
        x = torch.randn(2, height, width, channels).bfloat16()
        weight = torch.randn(channels, 1, 3, 3).bfloat16()
        grads = []
        for dtype in (torch.bfloat16, torch.float64):
            inputs = [t.to(dtype).requires_grad_() for t in (x, weight)]
            if dtype == torch.bfloat16:
                fill_freed_memory()
                out = depthwise_conv(*inputs, (stride, stride))
            else:
                out = F.conv2d(inputs[0].permute(0, 3, 1, 2), inputs[1], None, stride, 1, 1,
                               channels).permute(0, 2, 3, 1)
            grads.append([g.double() for g in torch.autograd.grad(out.sum(), inputs)])
        for result, expected in zip(*grads):
            torch.testing.assert_close(result, expected, atol=.1, rtol=.02)
