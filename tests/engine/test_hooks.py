"""Hooks of training."""
import types

import pytest
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import HOOKS
from torch import nn


@pytest.fixture
def process_group():
    """A distributed run of one process."""
    dist.init_process_group('gloo', store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def gradient(model: nn.Module) -> torch.Tensor:
    model(torch.tensor([[1 / 3]])).sum().backward()
    return next(model.parameters()).grad


@pytest.mark.parametrize('compress', [True, False])
def test_gradients_travel_as_float16(process_group, compress):
    model = MMDistributedDataParallel(nn.Linear(1, 1))
    if compress:
        hook = HOOKS.build(dict(type='mvitv2_mm.FP16CompressionHook'))
        hook.before_train(types.SimpleNamespace(model=model))
    expected = torch.tensor(1 / 3)
    if compress:
        expected = expected.half().float()
    assert gradient(model).item() == expected.item()


def test_one_process_is_left_alone():
    model = nn.Linear(1, 1)
    hook = HOOKS.build(dict(type='mvitv2_mm.FP16CompressionHook'))
    hook.before_train(types.SimpleNamespace(model=model))
    assert gradient(model).item() == torch.tensor(1 / 3).item()
