"""Tools that work on modules do to ours what they do to mmpretrain's MViT with the same weights."""
import copy
from collections import Counter

import pytest
import torch
import torch.nn as nn
import torch.nn.utils as utils
from mmpretrain.models import LoRAModel, MViT
from parity import ARCH, assert_same, gradients, randomise
from small_models import CLIP, IMAGE, both_ranks, build, rand, tensors
from torch.nn.utils import parametrizations, prune
from torch.optim.swa_utils import AveragedModel

from mvitv2_mm import MViTv2
from mvitv2_mm.layers import compute_path

HOST_ARCH = {key: ARCH[key] for key in ('embed_dims', 'num_layers', 'num_heads')}


def make_host(dtype=torch.float64):
    host = MViT(dict(HOST_ARCH, downscale_indices=ARCH['downscale_indices']), IMAGE[0])
    return host.to(dtype)


@pytest.fixture
def pair():
    """Ours and mmpretrain's, same weights; the host's tables are for squares, so both are."""
    ours = build((IMAGE[0], IMAGE[0]), with_cp='cheap')
    host = make_host()
    host.load_state_dict(ours.state_dict())
    host.eval()
    return ours, host


def square(batch=2, **kwargs):
    return rand((IMAGE[0], IMAGE[0]), batch, **kwargs)


def called(model):
    """Modules that a forward pass calls."""
    return {
        name: module
        for name, module in model.named_modules() if name and not isinstance(module, nn.ModuleList)
    }


def record(model, x):
    """What every module returns, by name, and the gradient to it."""
    outputs, grads, calls = {}, {}, Counter()

    def watch(name, module):

        def forward(_, args, output):
            calls.update([name])
            outputs[name] = output[0] if isinstance(output, tuple) else output

        def backward(_, grad_input, grad_output):
            grads[name] = grad_output[0]

        return (module.register_forward_hook(forward), module.register_full_backward_hook(backward))

    handles = [h for name, module in called(model).items() for h in watch(name, module)]
    sum(out.square().sum() for out in tensors(model(x))).backward()
    for handle in handles:
        handle.remove()
    return outputs, grads, calls


@both_ranks
def test_every_module_is_called_once_a_step(size):
    model = build(size, out_scales=(0, 1, 2, 3)).train()
    outputs, grads, calls = record(model, rand(size, requires_grad=True))
    # both branches of a block share its drop_path
    assert calls == {name: 1 + name.endswith('drop_path') for name in called(model)}
    assert grads.keys() == outputs.keys()
    batch, tokens, heads = 2, outputs['blocks.1.norm1'].shape[1], 2
    assert outputs['blocks.1.attn.qkv'].shape == (batch, tokens, 3 * 16)
    assert outputs['blocks.1.attn.pool_k'].shape[:2] == (batch * heads, 8)
    assert outputs['blocks.1.attn.norm_k'].shape[:2] == (batch, heads)
    assert outputs['blocks.1.norm2'].shape == outputs['blocks.1'].shape


def test_hooks_see_what_they_see_on_the_host(pair):
    """Activations and gradients, as class activation maps and feature extractors read them."""
    records = [record(model, square_input()) for model in pair]
    common = set(called(pair[0])) & set(called(pair[1]))
    assert {
        'patch_embed', 'blocks.3', 'blocks.3.attn.qkv', 'blocks.3.attn.pool_v',
        'blocks.3.attn.norm_q', 'blocks.3.norm2', 'blocks.3.mlp', 'norm3'
    } <= common
    for name in sorted(common):
        if name.endswith(('.act', 'drop_path', 'pool_skip')):
            continue  # the host has one name for several things, or another layout
        for (ours, host) in zip(records[0][:2], records[1][:2]):
            assert ours[name].shape == host[name].shape, name
            torch.testing.assert_close(ours[name], host[name], rtol=1e-8, atol=1e-8, msg=name)


def square_input():
    torch.manual_seed(5)
    return square(requires_grad=True)


@both_ranks
@pytest.mark.parametrize('name', [
    'attn', 'attn.qkv', 'attn.pool_k', 'attn.norm_v', 'attn.proj', 'norm1', 'norm2', 'mlp',
    'mlp.fc1', 'mlp.act', 'pool_skip', 'proj', 'drop_path'
])
def test_watching_one_module_changes_no_number(size, name):
    model, x = build(size).train(), rand(size, requires_grad=True)
    wanted = [*tensors(model(x))]
    wanted += gradients(model, x, wanted)[0].values()
    calls = Counter()
    for i, block in enumerate(model.blocks):
        module = block.get_submodule(name) if getattr(block, name.split('.')[0]) else None
        if module is not None:
            module.register_forward_hook(lambda *args, i=i: calls.update([i]))
    got = [*tensors(model(x))]
    got += gradients(model, x, got)[0].values()
    assert_same(got, wanted, rtol=1e-8, atol=1e-8)
    assert calls and set(calls.values()) == {2 if name == 'drop_path' else 1}


def test_hooks_for_all_modules_and_replaced_forwards_are_seen():
    model, x, seen = build(), rand(IMAGE), Counter()
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, *args: seen.update([module]))
    model(x)
    handle.remove()
    assert set(called(model).values()) <= set(seen)
    wanted = model(x)[0]
    fc1 = model.blocks[0].mlp.fc1
    fc1.forward = lambda x: nn.Linear.forward(fc1, x) + 1  # as offloading tools do it
    assert (model(x)[0] - wanted).abs().max() > 1e-3


def train(model, x, steps=3):
    """Losses of a few steps; what a tool does to the weights has to follow them."""
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer, losses = torch.optim.SGD(params, 0.3), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = sum(out.square().mean() for out in tensors(model(x)))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def apply_to(modules, change):

    def tool(model):
        for i in range(6):
            for name in modules:
                change(model.get_submodule(f'blocks.{i}.{name}'))

    return tool


def old_spectral_norm(module):
    torch.manual_seed(3)  # it starts from a random vector
    utils.spectral_norm(module)


def new_spectral_norm(module):
    torch.manual_seed(3)
    parametrizations.spectral_norm(module)


LINEAR, CONV = ('attn.qkv', 'attn.proj', 'mlp.fc1'), ('attn.pool_q', 'attn.pool_k')
TOOLS = {
    'prune': apply_to(LINEAR + CONV, lambda m: prune.l1_unstructured(m, 'weight', 0.3)),
    'old weight_norm': apply_to(LINEAR + CONV, utils.weight_norm),
    'weight_norm': apply_to(LINEAR + CONV, parametrizations.weight_norm),
    'old spectral_norm': apply_to(LINEAR, old_spectral_norm),
    'spectral_norm': apply_to(LINEAR + CONV, new_spectral_norm),
}


@pytest.mark.filterwarnings('ignore:.*weight_norm')
@pytest.mark.parametrize('name', TOOLS)
def test_weights_under_a_tool_train_as_on_the_host(pair, name):
    x, losses = square(), []
    plain = train(copy.deepcopy(pair[0]), x)
    for model in pair:
        TOOLS[name](model)
        model.train()
        losses.append(train(model, x))
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)
    assert losses[0] != pytest.approx(plain, rel=1e-8)


def test_pruning_made_permanent(pair):
    model, x = pair[0], square()
    TOOLS['prune'](model)
    wanted = model(x)[0]
    for i in range(6):
        for name in LINEAR + CONV:
            prune.remove(model.get_submodule(f'blocks.{i}.{name}'), 'weight')
    torch.testing.assert_close(model(x)[0], wanted)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_dynamic_int8(pair):
    x, outputs = square().float(), []
    for model in pair:
        small = torch.ao.quantization.quantize_dynamic(
            copy.deepcopy(model).float(), {nn.Linear}, dtype=torch.qint8)
        assert type(small.blocks[0].attn.qkv) is not nn.Linear
        outputs.append(small(x)[0])
    # rounding to 8 bits can tip over where float32 sums differ in the last bit
    assert (outputs[0] - outputs[1]).abs().mean() < 0.02 * outputs[1].abs().mean()
    assert (outputs[0] - pair[0].float()(x)[0]).abs().max() > 1e-4


def test_torchao_int8(pair):
    torchao = pytest.importorskip('torchao.quantization')
    x, model = square().float(), pair[0].float()
    wanted = model(x)[0]
    torchao.quantize_(model, torchao.Int8WeightOnlyConfig())
    out = model(x)[0]
    assert 0 < (out - wanted).abs().mean() < 0.2 * wanted.abs().mean()


def test_lora_of_mmpretrain():
    targets = [dict(type=name) for name in ('qkv', 'attn.proj', 'fc1')]
    models = [
        LoRAModel(cfg, alpha=8, rank=4, targets=targets)
        for cfg in (dict(type='mvitv2_mm.MViTv2', arch=ARCH, input_size=48),
                    dict(type='mmpretrain.MViT', arch=dict(ARCH), img_size=48))
    ]
    randomise(models[0])
    randomise(models[1])  # its state_dict would hold the adapters alone
    for (name, param), (other, wanted) in zip(*(m.named_parameters() for m in models)):
        assert name == other and torch.equal(param, wanted)
    x = square()
    assert_same(models[0](x), models[1](x), rtol=1e-8, atol=1e-8)
    losses = [train(model, x) for model in models]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)
    assert losses[0][2] < losses[0][0]


PEFT = {
    'LoRA': dict(init_lora_weights=False),
    'DoRA': dict(use_dora=True, init_lora_weights=False),
    'PiSSA': dict(init_lora_weights='pissa'),
    'OLoRA': dict(init_lora_weights='olora'),
}
ALL_LINEAR = r'.*\.(qkv|proj|fc1|fc2)'


def adapt(peft, model, kind):
    torch.manual_seed(4)
    if kind == 'IA3':
        config = peft.IA3Config(
            target_modules=ALL_LINEAR, feedforward_modules=r'.*\.fc2', init_ia3_weights=False)
    else:
        config = peft.LoraConfig(r=4, target_modules=ALL_LINEAR, **PEFT[kind])
    return peft.get_peft_model(model, config)


@pytest.mark.parametrize('kind', [*PEFT, 'IA3'])
def test_peft(pair, kind):
    """Adapters on all linear layers act and learn as on the host, and merge into the weights."""
    peft = pytest.importorskip('peft')
    x = square().float()
    plain = pair[0].float()(x)[0].detach()
    models = [adapt(peft, model.float(), kind) for model in pair]
    outputs = [model(x)[0] for model in models]
    torch.testing.assert_close(*outputs, rtol=1e-3, atol=1e-3)
    if kind in ('PiSSA', 'OLoRA'):  # they split the weights in two, and change nothing else
        torch.testing.assert_close(outputs[0], plain, rtol=1e-3, atol=1e-3)
    else:
        assert (outputs[0] - plain).abs().max() > 1e-2
    outputs[0].square().sum().backward()
    trained = [p for p in models[0].parameters() if p.requires_grad]
    assert trained and all(p.grad is not None and p.grad.abs().max() > 0 for p in trained)
    merged = models[0].merge_and_unload()
    torch.testing.assert_close(merged(x)[0], outputs[0], rtol=1e-3, atol=1e-3)
    assert type(merged.blocks[0].attn.qkv) is nn.Linear


@both_ranks
def test_averages_and_converted_norms(size):
    model, x = build(size), rand(size)
    averaged = AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5))
    averaged.update_parameters(model)
    for other in (averaged, nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(model))):
        assert all(map(torch.equal, tensors(other(x)), tensors(model(x))))


@both_ranks
def test_a_hooked_model_can_be_copied(size):
    model, x = build(size), rand(size)
    model.blocks[0].norm2.register_forward_hook(lambda module, args, output: output * 2)
    assert all(map(torch.equal, tensors(copy.deepcopy(model)(x)), tensors(model(x))))


def test_blocks_run_again_on_the_path_of_their_forward_pass():
    """`with_cp` calls them in the backward pass, which may lie outside the ``with`` block."""
    model, x = build(CLIP, with_cp=True).train(), rand(CLIP, requires_grad=True)
    with compute_path('reference'):
        output, wanted = list(tensors(model(x))), tensors(build(CLIP)(x))
    assert all(map(torch.equal, output, wanted))
    sum(out.sum()
        for out in output).backward()  # torch compares what is saved the second time with the first
    assert x.grad.abs().max() > 0


class TestAttributes:
    """What hosts and their tools read."""

    def test_names_of_the_hosts(self, pair):
        ours, host = pair
        assert ours.embed_dims == host.embed_dims and ours.num_layers == host.num_layers
        assert ours.num_heads == host.num_heads and ours.num_scales == host.num_scales
        assert ours.stage_indices == host.stage_indices
        assert list(ours.downscale_indices) == list(host.downscale_indices)
        for a, b in zip(ours.blocks, host.blocks):
            assert (a.in_dims, a.out_dims) == (b.in_dims, b.out_dims)
            assert a.attn.num_heads == b.attn.num_heads

    @both_ranks
    @pytest.mark.parametrize('scales', [(0, 1, 2, 3), (2, )])
    def test_channels_and_strides_of_the_outputs(self, size, scales):
        size = tuple(n * 4 if len(size) == 3 and i == 0 else n * 2 for i, n in enumerate(size))
        model = build(size, out_scales=scales, out_type='featmap')
        maps = model(rand(size, 1))
        assert model.out_channels == tuple(feat.shape[1] for feat in maps)
        for strides, feat in zip(model.out_strides, maps):
            assert tuple(feat.shape[2:]) == tuple(-(-n // s) for n, s in zip(size, strides))

    def test_extra_tokens(self):
        assert MViTv2(ARCH, 32).num_extra_tokens == 0
        assert MViTv2(ARCH, 32, with_cls_token=True).num_extra_tokens == 1

    def test_drawn_tables_are_logged_as_drawn(self, caplog):
        model = MViTv2(ARCH, 32, use_abs_pos_embed=True)
        recorded = {}
        model._dump_init_info = lambda: recorded.update({
            name:
            model._params_init_info[param]['init_info']
            for name, param in model.named_parameters()
        })
        model.init_weights()
        for name in ('pos_embed', 'blocks.0.attn.rel_pos_h'):
            assert recorded[name].startswith('TokenInit'), name
