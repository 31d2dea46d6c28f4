"""Whoever watches or replaces a part of the model: that part is called, as it stands."""
import pytest
import torch
import torch.nn as nn
from small_models import IMAGE, build, rand

from mvitv2_mm.layers import MLP, compute_path


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


def conv(like, **changes):
    """A convolution of the same channels and grid with other settings."""
    names = ('kernel_size', 'stride', 'padding', 'groups')
    settings = {name: getattr(like, name) for name in names}
    return nn.Conv2d(like.in_channels, like.out_channels, **{**settings, 'bias': False, **changes})


REPLACEMENTS = {
    'a bias': ('attn.pool_q', lambda pool: conv(pool, bias=True)),
    'dilation': ('attn.pool_v', lambda pool: conv(pool, dilation=2, padding=2)),
    'all channels': ('attn.pool_k', lambda pool: conv(pool, groups=1)),
    'a maximum': ('attn.pool_k', lambda pool: nn.MaxPool2d(3, pool.stride, 1)),
    'no norm of heads': ('attn.norm_q', lambda norm: nn.Identity()),
    'no projection': ('attn.proj', lambda proj: nn.Identity()),
    'no norm': ('norm2', lambda norm: nn.Identity()),
    'no bias': ('mlp.fc1', lambda fc1: nn.Linear(fc1.in_features, fc1.out_features, bias=False)),
    'no activation': ('mlp.act', lambda act: nn.Identity()),
    'a script': ('mlp.act', lambda act: torch.jit.script(nn.ReLU())),
}


@pytest.mark.parametrize('name, replace', REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_another_plain_module_counts_as_it_stands(name, replace):
    """What ablations do: the lean way must not take it for what was there before."""
    model, x = build(), rand(IMAGE)
    plain = model(x)[0]
    for block in model.blocks:
        parent, _, child = name.rpartition('.')
        owner = block.get_submodule(parent)
        setattr(owner, child, replace(getattr(owner, child)).double())
    with compute_path('reference'):
        wanted = model(x)[0]
    torch.testing.assert_close(model(x)[0], wanted)
    assert (wanted - plain).abs().max() > 1e-3


@pytest.mark.parametrize('dim_mul_in_attention', [True, False])
def test_every_call_is_of_a_part_of_the_model(dim_mul_in_attention):
    """Tracers know no others."""
    model, seen = build(dim_mul_in_attention=dim_mul_in_attention), []
    handle = nn.modules.module.register_module_forward_hook(lambda part, *args: seen.append(part))
    model(rand(IMAGE))
    handle.remove()
    assert set(seen) == {part for part in model.modules() if not isinstance(part, nn.ModuleList)}


def test_a_compiled_part_is_called():
    model, x, graphs = build(), rand(IMAGE), []
    wanted = model(x)[0]
    model.blocks[0].mlp.compile(backend=lambda graph, _: graphs.append(graph) or graph.forward)
    torch.testing.assert_close(model(x)[0], wanted)
    assert graphs
