"""Mixed precision trains like float32: the same losses, step by step, from the same seed."""
import functools

import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F

from mvitv2_mm import MViTv2
from mvitv2_mm.engine.amp import AmpOptimWrapper, OptimWrapper

ARCH = dict(embed_dims=16, num_layers=4, num_heads=1, downscale_indices=(1, 2, 3))
STEPS = 25
# Measured with three seeds: the losses fall from 1.4-1.7 to below 0.1; bfloat16 moves none of them
# by more than 0.009; a learning rate that is 10 % higher moves one by 0.04-0.06.
TOLERANCE = 0.015
ranks = pytest.mark.parametrize('size', [(32, 32), (4, 32, 32)], ids=['2d', '3d'])
DEVICES = ['cpu', pytest.param('cuda', marks=pytest.mark.gpu)]


@functools.lru_cache(maxsize=None)
def losses(size, device, dtype=None, lr=3e-4):
    """Losses while a tiny model learns four noisy patterns.

    No drop path: it draws its masks in the type of the tokens, so they are not the same.
    """
    torch.manual_seed(0)
    backbone = MViTv2(ARCH, size, out_type='avg_featmap')
    backbone.init_weights()
    model = nn.ModuleList([backbone, nn.Linear(128, 4)]).to(device).train()
    patterns, labels = torch.randn(4, 3, *size), torch.arange(16) % 4
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    if dtype is None:
        wrapper = OptimWrapper(optimizer)
    else:
        wrapper = AmpOptimWrapper(optimizer=optimizer, dtype=dtype, loss_scale=512.)
    curve = []
    for _ in range(STEPS):
        x = patterns[labels] + 2 * torch.randn(16, 3, *size)
        with wrapper.optim_context(model):
            scores = model[1](backbone(x.to(device))[0])
            loss = F.cross_entropy(scores, labels.to(device))
        assert dtype is None or scores.dtype == getattr(torch, dtype)
        wrapper.update_params(loss)
        curve.append(loss.item())
    return torch.tensor(curve)


def largest_gap(size, device, **changes):
    return (losses(size, device) - losses(size, device, **changes)).abs().max()


@pytest.mark.parametrize('device', DEVICES)
@ranks
def test_float32_learns(size, device):
    curve = losses(size, device)
    assert curve[0] > 1.3
    assert curve[-5:].mean() < 0.2


@pytest.mark.parametrize('device, dtype', [
    ('cpu', 'bfloat16'),
    pytest.param('cuda', 'bfloat16', marks=pytest.mark.gpu),
    pytest.param('cuda', 'float16', marks=pytest.mark.gpu),
])
@ranks
def test_amp_follows_float32(size, device, dtype):
    gap = largest_gap(size, device, dtype=dtype)
    assert 0 < gap < TOLERANCE


@pytest.mark.parametrize('device', DEVICES)
@ranks
def test_the_comparison_notices_another_learning_rate(size, device):
    assert largest_gap(size, device, lr=3.3e-4) > 2 * TOLERANCE
