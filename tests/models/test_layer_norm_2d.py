"""Norm of the channels of maps against its formula in float64."""
import pytest
import torch
from mmcv.cnn import ConvModule

from mvitv2_mm.models import LayerNorm2d


def test_layer_norm_2d():
    norm = LayerNorm2d(5, eps=0.1)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 5, 3, 4, requires_grad=True)
    y = norm(x)
    for b, i, j in ((0, 0, 0), (1, 2, 3)):
        values = x[b, :, i, j].double()
        scale = ((values - values.mean())**2).mean().add(0.1).sqrt()
        expected = (values - values.mean()) / scale * norm.weight + norm.bias
        assert torch.allclose(y[b, :, i, j].double(), expected, atol=1e-6)
    y.sum().backward()
    assert x.grad.abs().sum() > 0 and norm.weight.grad.abs().sum() > 0


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_layer_norm_2d_is_contiguous(memory_format):
    x = torch.randn(2, 5, 3, 4).to(memory_format=memory_format)
    assert LayerNorm2d(5)(x).is_contiguous()


def test_layer_norm_2d_in_a_convolution():
    conv = ConvModule(3, 4, 1, norm_cfg=dict(type='mvitv2_mm.LayerNorm2d', eps=1e-6))
    assert isinstance(conv.ln, LayerNorm2d) and conv.ln.eps == 1e-6
    assert conv.conv.bias is None
    assert not isinstance(conv.ln, torch.nn.LayerNorm)  # so that it is decayed
