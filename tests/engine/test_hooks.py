"""Hooks of training."""
import random
import types

import numpy as np
import pytest
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import HOOKS
from torch import nn

from mvitv2_mm.engine.hooks import seed_worker


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


def test_workers_draw_what_torch_seeded_them_with():

    def draw(seed):
        torch.manual_seed(seed)
        seed_worker(0)
        return random.random(), np.random.rand()

    first, second = draw(5), draw(6)
    assert all(a != b for a, b in zip(first, second))
    assert draw(5) == first


def test_every_iteration_and_process_has_numbers_of_its_own(monkeypatch):
    hook = HOOKS.build(dict(type='mvitv2_mm.IterationSeedHook'))

    def draw(rank=0, seed=0, iteration=0):
        monkeypatch.setattr('mvitv2_mm.engine.hooks.get_rank', lambda: rank)
        # iterations end with the number that they began with
        hook.after_train_iter(types.SimpleNamespace(seed=seed, iter=iteration - 1))
        return random.random(), np.random.rand(), torch.rand(1).item()

    draws = [draw(), draw(rank=1), draw(seed=1), draw(iteration=1)]
    for numbers in zip(*draws):
        assert len(set(numbers)) == len(draws)
    assert draw() == draws[0]
