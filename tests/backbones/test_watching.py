"""Whoever watches or replaces a part of the model: that part is called, as it stands."""
import pytest
import torch
import torch.nn as nn
from small_models import IMAGE, build, rand

from mvitv2_mm.layers import MLP


@pytest.mark.parametrize(
    'kind', ['forward_pre_hook', 'forward_hook', 'full_backward_pre_hook', 'full_backward_hook'])
@pytest.mark.parametrize('name', ['attn.qkv', 'mlp'])
def test_hooks_of_every_kind_fire_once(name, kind):
    model, calls = build(), []
    register = getattr(model.blocks[0].get_submodule(name), f'register_{kind}')
    register(lambda *args: calls.append(args))
    model(rand(IMAGE))[0].sum().backward()
    assert len(calls) == 1


@pytest.mark.parametrize('name', ['attn.qkv', 'attn.pool_v', 'norm2', 'mlp', 'mlp.fc1'])
def test_a_replaced_forward_is_called(name):
    """As offloading tools do it."""
    model, calls = build(), []
    module = model.blocks[0].get_submodule(name)
    module.forward = lambda x: calls.append(x) or type(module).forward(module, x)
    model(rand(IMAGE))
    assert len(calls) == 1


@pytest.mark.parametrize('owner', [nn.Module, nn.Linear, nn.Conv2d, MLP])
def test_calls_replaced_for_a_whole_class_are_seen(monkeypatch, owner):
    """As profilers do it."""
    model, seen, call = build(), set(), owner.__call__

    def watched(self, *args):
        seen.add(self)
        return call(self, *args)

    monkeypatch.setattr(owner, '__call__', watched)
    model(rand(IMAGE))
    for block in model.blocks:
        assert {m for m in block.modules() if isinstance(m, owner)} - {block} <= seen


def test_a_subclass_of_the_mlp_is_called():

    class Silent(MLP):

        def forward(self, x):
            return torch.zeros_like(x)

    model, x = build(), rand(IMAGE)
    for block in model.blocks:
        block.mlp.__class__ = Silent
    silent = model(x)[0]
    for block in model.blocks:
        block.mlp.__class__ = MLP
        nn.init.zeros_(block.mlp.fc2.weight)
        nn.init.zeros_(block.mlp.fc2.bias)
    torch.testing.assert_close(silent, model(x)[0])
