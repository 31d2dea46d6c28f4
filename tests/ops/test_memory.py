"""Recomputation in backward and chunks of tokens."""
import pytest
import torch
import torch.nn as nn
from op_records import OpRecorder
from torch.utils.checkpoint import checkpoint

from mvitv2_mm.ops import recompute, split_tokens

PRODUCTS = ('aten::addmm', 'aten::mm')


class Widen(nn.Module):
    """Norm, product, GELU, product: a function as ``recompute`` wants it."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.fc1, self.fc2 = nn.Linear(8, 32), nn.Linear(32, 4)
        self.to(dtype)

    def plain(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(self.norm(x))))

    def forward(self, x):
        return recompute(self.plain, x)


def gradients(model, func, x):
    x = x.detach().requires_grad_()
    out = func(x)
    return [out, *torch.autograd.grad(out.square().sum(), [x, *model.parameters()])]


def num_products(model, func, x):
    """Products in forward and in backward."""
    x = x.detach().requires_grad_()
    with OpRecorder() as forward:
        out = func(x).sum()
    with OpRecorder() as backward:
        torch.autograd.grad(out, [x, *model.parameters()])
    return [len(ops.shapes(*PRODUCTS)) for ops in (forward, backward)]


def live_bytes(func, *args):
    """What is left after the forward pass: its result and what its graph keeps."""
    with OpRecorder() as ops:
        out = func(*args)
        assert out.requires_grad
        return ops.live_bytes()


def test_gradients_are_those_of_the_plain_call():
    model = Widen()
    x = torch.randn(10, 8)
    for a, b in zip(gradients(model, model, x), gradients(model, model.plain, x)):
        assert torch.equal(a, b)


def test_tensors_in_lists_and_several_results():
    """As the position tables go in, and heads and their grid come out."""
    x, y = (torch.randn(6, 6, dtype=torch.float64).requires_grad_() for _ in range(2))

    def func(x, pair, number):
        z = (x * pair[0]).exp()
        return [z @ pair[0], z @ x], number

    (a, b), number = recompute(func, x, [y], 3)
    assert number == 3
    (c, d), _ = func(x, [y], 3)
    weight = torch.randn_like(a)
    for left, right in ((a, c), (b, d), (a + b, c + d)):
        grads, wanted = (
            torch.autograd.grad((out * weight).sum(), [x, y], retain_graph=True)
            for out in (left, right))
        torch.testing.assert_close(grads, wanted, rtol=1e-12, atol=1e-12)


def test_only_inputs_are_kept():
    model, x = Widen(), torch.randn(100, 8)
    result = 100 * 4 * 4
    # mean, deviation and result of the norm; hidden channels and their GELU
    kept = 100 * (1 + 1 + 8 + 32 + 32) * 4
    assert live_bytes(model.plain, x) == result + kept
    assert live_bytes(model, x) <= result + 16


def test_inputs_are_kept_even_if_the_caller_drops_them():
    """And freed with the graph."""
    model, x = Widen(), torch.randn(100, 8)
    with OpRecorder() as ops:
        out = model(x * 2)
        assert 100 * (4 + 8) * 4 <= ops.live_bytes() <= 100 * (4 + 8) * 4 + 16
        out.sum().backward()
        del out
        grads = sum(p.numel() * 4 for p in model.parameters())
        assert ops.live_bytes() <= grads + 16


def test_the_last_product_does_not_run_again():
    model, x = Widen(), torch.randn(10, 8)
    # Two gradients per layer
    assert num_products(model, model.plain, x) == [2, 4]
    assert num_products(model, model, x) == [2, 5]
    last = Widen()
    assert num_products(last.fc2, lambda x: recompute(last.fc2, x), torch.randn(10, 32)) == [1, 2]


def test_plain_without_gradients(monkeypatch):
    model, x = Widen(), torch.randn(10, 8)
    monkeypatch.delattr('mvitv2_mm.ops.memory.checkpoint')
    with pytest.raises(NameError, match='checkpoint'):
        model(x)
    with torch.no_grad():
        out = model(x.clone().requires_grad_())
    assert not out.requires_grad
    assert torch.equal(out, model.plain(x))


def test_plain_where_it_is_switched_off():
    model, x = Widen(), torch.randn(100, 8)

    def switched_off(x):
        return recompute(model.plain, x, enabled=False)

    assert live_bytes(switched_off, x) == live_bytes(model.plain, x)
    assert num_products(model, switched_off, x) == [2, 4]
    assert live_bytes(model, x) < live_bytes(model.plain, x)


def test_the_compiler_gets_the_plain_call():
    """One graph that holds no checkpoint; gradients as without the compiler."""
    model, x, graphs = Widen(), torch.randn(10, 8), []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(model, backend=backend, fullgraph=True)
    grads = gradients(model, compiled, x)
    for a, b in zip(grads, gradients(model, model.plain, x)):
        torch.testing.assert_close(a, b)
    graph, = graphs
    targets = [str(node.target) for node in graph.graph.nodes]
    assert any('gelu' in target for target in targets)
    assert not any('checkpoint' in target for target in targets)


@pytest.mark.parametrize('use_reentrant', [True, False])
def test_inside_a_checkpoint(use_reentrant):
    """As in a block of ``with_cp``."""
    model, x = Widen(torch.float64), torch.randn(10, 8, dtype=torch.float64)

    def outer(x):
        return checkpoint(lambda x: model(x).tanh(), x, use_reentrant=use_reentrant)

    wanted = gradients(model, lambda x: model.plain(x).tanh(), x)
    x = x.requires_grad_()
    out = outer(x)
    out.square().sum().backward()
    grads = [out, x.grad, *(p.grad for p in model.parameters())]
    torch.testing.assert_close(grads, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_under_autocast(dtype):
    """The backward pass runs outside autocast, the recomputation inside it again."""
    model, x = Widen(), torch.randn(10, 8)

    def step(func):
        leaf = x.clone().requires_grad_()
        with torch.autocast('cpu', dtype=dtype):
            out = func(leaf)
        assert out.dtype == dtype
        return [out, *torch.autograd.grad(out.float().sum(), [leaf, *model.parameters()])]

    for a, b in zip(step(model), step(model.plain)):
        assert torch.equal(a, b)


def sizes(chunks):
    return [tuple(chunk.shape) for chunk in chunks]


class TestSplitTokens:
    """60 tokens, 100 channels inside; room for 1000 elements, with gradients for 4000."""

    @pytest.fixture(autouse=True)
    def _room(self, monkeypatch):
        monkeypatch.setattr('mvitv2_mm.ops.memory.CHUNK_ELEMENTS', 1000)

    def test_chunks_fill_the_room_and_are_longer_with_gradients(self):
        x = torch.randn(3, 20, 5)
        assert sizes(split_tokens(x, 100)) == [(30, 5)] * 2
        with torch.no_grad():
            assert sizes(split_tokens(x, 100)) == [(10, 5)] * 6
            assert sizes(split_tokens(x[:, :7], 100)) == [(7, 5)] * 3
            assert sizes(split_tokens(x[:1, :13], 100)) == [(7, 5), (6, 5)]

    def test_chunks_are_the_tokens_in_order(self):
        x = torch.randn(3, 20, 5)
        assert torch.equal(torch.cat(list(split_tokens(x, 100))), x.flatten(0, 1))

    def test_what_has_room_is_untouched(self):
        x = torch.randn(2, 20, 5)
        chunk, = split_tokens(x, 100)
        assert chunk is x
        with torch.no_grad():
            assert len(split_tokens(x, 100)) == 4
            chunk, = split_tokens(x, 25)
        assert chunk is x

    def test_a_token_wider_than_the_room_is_a_chunk(self):
        with torch.no_grad():
            assert sizes(split_tokens(torch.randn(1, 3, 5), 2000)) == [(1, 5)] * 3

    def test_gradients_in_half_precision_are_not_summed_over_chunks(self):
        x = torch.randn(3, 20, 5)
        half = x.bfloat16()
        assert split_tokens(half, 100)[0] is half
        with torch.autocast('cpu', torch.bfloat16):
            assert split_tokens(x, 100)[0] is x
            with torch.no_grad():
                assert len(split_tokens(x, 100)) == len(split_tokens(half, 100)) == 6

    def test_other_devices_are_untouched(self):
        x = torch.randn(3, 20, 5, device='meta')
        assert split_tokens(x, 100)[0] is x
