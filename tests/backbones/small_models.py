"""Small models of both ranks, their inputs and outputs."""
import pytest
import torch
from parity import ARCH, randomise

from mvitv2_mm import MViTv2

IMAGE, CLIP = (48, 32), (4, 48, 32)
both_ranks = pytest.mark.parametrize('size', [IMAGE, CLIP], ids=['2d', '3d'])


def build(size=IMAGE, **kwargs):
    return randomise(MViTv2(kwargs.pop('arch', ARCH), size, **kwargs))


def rand(size, batch=2, **kwargs):
    return torch.randn(batch, 3, *size, dtype=torch.float64, **kwargs)


def tensors(output):
    """All tensors of an output, class tokens included."""
    for out in output:
        yield from out if isinstance(out, list) else [out]
