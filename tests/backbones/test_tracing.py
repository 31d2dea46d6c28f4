"""What records or transforms a model: torch.compile, export, jit, fx, ONNX, func, fake tensors."""
import io

import pytest
import torch
from parity import assert_same, randomise
from torch._dynamo.testing import CompileCounterWithBackend
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.autograd.functional import jacobian
from torch.func import functional_call, grad, jvp, vmap
from torchvision.models.feature_extraction import create_feature_extractor

from mvitv2_mm import MViTv2
from mvitv2_mm.layers import compute_path

pytestmark = pytest.mark.slow  # on a busy machine
ARCH = dict(embed_dims=8, num_layers=3, num_heads=1, downscale_indices=(1, 2))
CASES = [
    pytest.param(40, dict(window_size=8, out_scales=(0, 1, 2)), id='windows'),
    pytest.param((6, 40, 40), dict(use_abs_pos_embed=True), id='3d'),
]


def shape(size, batch):
    return batch, 3, *((size, size) if isinstance(size, int) else size)


def tensors(output):
    return [t for out in output for t in (out if isinstance(out, list) else [out])]


@pytest.fixture(autouse=True)
def _reset():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize('size, options', CASES)
def test_compile_has_no_graph_break_and_takes_any_batch(size, options):
    model = randomise(MViTv2(ARCH, size, **options))
    counter = CompileCounterWithBackend('eager')
    compiled = torch.compile(model, fullgraph=True, backend=counter)
    for batch, graphs in ((2, 1), (2, 1), (3, 2), (5, 2)):  # one static, one with a dynamic batch
        x = torch.randn(shape(size, batch), dtype=torch.float64)
        with torch.no_grad():
            assert_same(tensors(compiled(x)), tensors(model(x)))
        assert counter.frame_count == graphs


def test_compiled_training_gives_the_same_gradients():
    model = randomise(MViTv2(ARCH, (2, 16, 16), with_cp=True)).train()
    compiled = torch.compile(model, fullgraph=True, backend='aot_eager')
    x = torch.randn(2, 3, 2, 16, 16, dtype=torch.float64)
    grads = []
    for call in (model, compiled, model):
        model.zero_grad()
        sum(t.square().sum() for t in tensors(call(x))).backward()
        grads.append([param.grad.clone() for param in model.parameters()])
    assert_same(grads[0], grads[1])
    assert_same(grads[0], grads[2])


def test_compiled_models_project_no_keys_that_nothing_reads():
    targets = []

    def backend(graph, inputs):
        targets.extend(node.target for node in graph.graph.nodes)
        return graph.forward

    torch.compile(MViTv2(ARCH, 16), fullgraph=True, backend=backend)(torch.randn(1, 3, 16, 16))
    assert 'index_select' in targets


@pytest.mark.parametrize('strict', [False, True])
def test_export_calls_every_module(strict):
    """Quantisation of exported programs looks for their weights, and ``unflatten`` for modules."""
    model = MViTv2(ARCH, 16)
    program = torch.export.export(model, (torch.randn(1, 3, 16, 16), ), strict=strict)
    stacks = [node.meta.get('nn_module_stack', {}) for node in program.graph.nodes]
    names = {name for stack in stacks for name, _ in stack.values()}
    assert {
        f'blocks.{i}.attn.{name}'
        for i in range(3)
        for name in ('qkv', 'pool_q', 'pool_v', 'norm_k')
    } <= names


@pytest.mark.parametrize('size, options', CASES)
def test_export_takes_any_batch_and_leaves_the_model_usable(size, options):
    model = randomise(MViTv2(ARCH, size, **options))
    batch = torch.export.Dim('batch', min=2, max=64)
    exported = torch.export.export(
        model, (torch.randn(shape(size, 2), dtype=torch.float64), ), dynamic_shapes=({
            0: batch
        }, )).module()
    x = torch.randn(shape(size, 3), dtype=torch.float64)
    assert_same(tensors(exported(x)), tensors(model(x)))
    assert all(type(t) is torch.Tensor for t in tensors(model(x)))


@pytest.mark.parametrize('size, options', CASES)
def test_a_traced_model_can_be_saved(tmp_path, size, options):
    """In float32: sizes become float32 numbers in a trace."""
    model, x = randomise(MViTv2(ARCH, size, **options)).float(), torch.randn(shape(size, 2))
    with torch.no_grad():
        torch.jit.save(torch.jit.trace(model, x), tmp_path / 'model.pt')
        loaded = torch.jit.load(tmp_path / 'model.pt')
        torch.testing.assert_close(tensors(loaded(x)), tensors(model(x)))


@pytest.mark.parametrize('size, options', CASES)
def test_a_model_is_traced_with_gradients_too(tmp_path, size, options):
    model = randomise(MViTv2(ARCH, size, **options)).float()
    traced = torch.jit.trace(model, torch.randn(shape(size, 2)))  # compares two traces itself
    x = torch.randn(shape(size, 3))
    torch.testing.assert_close(tensors(traced(x)), tensors(model(x)))
    sum(t.square().sum() for t in tensors(traced(x))).backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    'size, options', [*CASES, pytest.param(40, dict(dim_mul_in_attention=False), id='mlp')])
def test_symbolic_trace(size, options):
    """Of the nominal size, any batch; torchvision's feature extractor rests on it."""
    model, x = randomise(MViTv2(ARCH, size, **options)), torch.randn(shape(size, 3)).double()
    graph = torch.fx.symbolic_trace(model)
    assert_same(tensors(graph(x)), tensors(model(x)))
    called = {node.target for node in graph.graph.nodes if node.op == 'call_module'}
    assert called >= {name for name, _ in model.named_modules() if name.endswith(LEAVES)}
    extractor = create_feature_extractor(model, {'blocks.1.mlp.fc1': 'hidden'})
    outputs = []
    model.blocks[1].mlp.fc1.register_forward_hook(lambda *args: outputs.append(args[2]))
    model(x)
    torch.testing.assert_close(extractor(x)['hidden'], outputs[0])


LEAVES = ('qkv', 'pool_q', 'pool_k', 'norm_v', 'fc1', 'act', 'fc2', 'norm1', 'norm2', 'projection')


@pytest.mark.parametrize('size, options', [
    pytest.param(224, dict(out_scales=(0, 1, 2)), id='2d'),
    pytest.param((2, 64, 96), dict(), id='3d'),
])
def test_export_leaves_height_and_width_open(size, options):
    """In multiples of the largest stride: torch fixes whether what a max-pool reads is even."""
    model = randomise(MViTv2(ARCH, size, **options)).float()
    axes = {3 + i: 16 * torch.export.Dim(f'n{i}', min=2, max=64) for i in range(2)}
    axes = {axis + len(shape(size, 1)) - 5: dim for axis, dim in axes.items()}
    first = torch.randn(*shape(size, 2)[:-2], 96, 128)
    exported = torch.export.export(
        model, (first, ), dynamic_shapes=({
            0: torch.export.Dim('batch', min=2, max=64),
            **axes
        }, )).module()
    for batch, height, width in ((2, 96, 128), (3, 64, 160)):
        x = torch.randn(batch, *shape(size, 1)[1:-2], height, width)
        torch.testing.assert_close(tensors(exported(x)), tensors(model(x)), rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('size, options', CASES)
def test_onnx_of_a_trace_takes_any_batch(size, options):
    onnxruntime = pytest.importorskip('onnxruntime')
    model, file = randomise(MViTv2(ARCH, size, **options)).float(), io.BytesIO()
    torch.onnx.export(
        model, (torch.randn(shape(size, 2)), ),
        file,
        dynamo=False,
        opset_version=17,
        input_names=['x'],
        dynamic_axes={'x': {
            0: 'batch'
        }})
    x = torch.randn(shape(size, 3))
    outputs = onnxruntime.InferenceSession(file.getvalue()).run(None, {'x': x.numpy()})
    for out, wanted in zip(outputs, tensors(model(x)), strict=True):
        torch.testing.assert_close(torch.from_numpy(out), wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('size, options', CASES)
def test_fake_tensors_after_real_ones(size, options):
    model, x = randomise(MViTv2(ARCH, size, **options)), torch.randn(shape(size, 2)).double()
    wanted = [t.shape for t in tensors(model(x))]
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert [t.shape for t in tensors(model(mode.from_tensor(x)))] == wanted
    assert all(type(t) is torch.Tensor for t in tensors(model(x)))


class TestTransforms:
    """Of torch.func, and gradients of gradients, against plain autograd."""

    @pytest.fixture(params=[case.values for case in CASES], ids=['windows', '3d'])
    def case(self, request):
        size, options = request.param
        size = tuple(min(n, 16) for n in size) if isinstance(size, tuple) else 16
        return (randomise(MViTv2(ARCH, size, **options)), torch.randn(shape(size, 2)).double())

    def test_gradients_per_sample(self, case):
        model, x = case
        params = dict(model.named_parameters())

        def loss(params, x):
            return sum(t.square().sum() for t in tensors(functional_call(model, params, (x, ))))

        whole = grad(loss)(params, x)
        singles = vmap(grad(lambda params, x: loss(params, x[None])), (None, 0))(params, x)
        wanted = torch.autograd.grad(loss(params, x), list(params.values()))
        assert_same(list(whole.values()), wanted)
        assert_same([g.sum(0) for g in singles.values()], wanted)
        alone = torch.autograd.grad(loss(params, x[:1]), list(params.values()))
        assert_same([g[0] for g in singles.values()], alone)

    @pytest.mark.parametrize('way', ['func', 'dual'])
    def test_forward_mode(self, case, way):
        model, x = case
        tangent = torch.randn_like(x)

        def out(x):
            return tensors(model(x))[-1]

        if way == 'func':
            _, got = jvp(out, (x, ), (tangent, ))
        else:
            with forward_ad.dual_level():
                got = forward_ad.unpack_dual(out(forward_ad.make_dual(x, tangent))).tangent
        numeric = (out(x + 1e-6 * tangent) - out(x - 1e-6 * tangent)) / 2e-6
        torch.testing.assert_close(got, numeric, rtol=1e-4, atol=1e-5)

    def test_gradients_where_blocks_are_recomputed(self, case):
        """``torch.func`` knows no recomputation, so nothing is recomputed there."""
        model, x = case
        params = dict(model.named_parameters())
        model.train().recomputed_blocks = frozenset(range(3))

        def loss(params):
            return sum(t.square().sum() for t in tensors(functional_call(model, params, (x, ))))

        wanted = torch.autograd.grad(loss(params), list(params.values()))
        assert_same(list(grad(loss)(params).values()), wanted)

    @pytest.mark.parametrize('blocks', [(), range(3)], ids=['cheap', 'with_cp'])
    def test_gradients_of_several_outputs_at_once(self, case, blocks):
        """The backward pass is batched, the forward pass was not."""
        model, x = case
        model.train().recomputed_blocks = frozenset(blocks)

        def out(x):
            return tensors(model(x))[-1].flatten()[:3]

        wanted, got = (jacobian(out, x, vectorize=vectorize) for vectorize in (False, True))
        torch.testing.assert_close(got, wanted)

    def test_gradients_of_gradients(self, case):
        model, x = case
        results = []
        for path in ('auto', 'reference'):
            leaf = x.clone().requires_grad_()
            with compute_path(path):
                out = sum(t.square().sum() for t in tensors(model(leaf)))
                first, = torch.autograd.grad(out, leaf, create_graph=True)
                results.append(
                    torch.autograd.grad(first.square().sum(), [leaf, *model.parameters()]))
        assert results[1][0].abs().max() > 1e-3
        for got, wanted in zip(*results):
            scale = wanted.abs().max().clamp(min=1)
            torch.testing.assert_close(got / scale, wanted / scale, rtol=1e-6, atol=1e-8)
