"""torch.compile without graph breaks and torch.export, any batch size, training included."""
import pytest
import torch
from parity import assert_same, randomise
from torch._dynamo.testing import CompileCounterWithBackend

from mvitv2_mm import MViTv2

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
