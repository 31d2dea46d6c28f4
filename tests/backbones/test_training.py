"""Gradients, checkpointing, freezing, precision, and copies of the backbone."""
import copy
import pickle
from collections import Counter

import pytest
import torch
from op_records import OpRecorder
from parity import ARCH
from small_models import CLIP, IMAGE, both_ranks, build, rand, tensors

from mvitv2_mm import MViTv2

# ``with_cp`` and the blocks it recomputes; the stages begin at the blocks 0, 1, 3 and 5
RECOMPUTED = [(True, range(6)), ((0, 2), (0, 3, 4)), ([3], [5]), (dict(blocks=[4, 0]), [0, 4])]


class TestTraining:

    @both_ranks
    @pytest.mark.parametrize(
        'options', [{},
                    dict(out_scales=(0, 1, 2, 3)),
                    dict(dim_mul_in_attention=False),
                    dict(use_abs_pos_embed=True, with_cls_token=True)],
        ids=str)
    def test_every_parameter_gets_a_gradient(self, size, options):
        model = build(size, **options).train()
        sum((out * torch.randn_like(out)).sum() for out in tensors(model(rand(size)))).backward()
        for name, param in model.named_parameters():
            assert param.grad is not None, name
            if 'norm_k.bias' in name:  # shifts all logits of a query alike
                assert param.grad.abs().max() < 1e-9, name
            else:
                assert param.grad.abs().max() > 1e-9, name

    @both_ranks
    @pytest.mark.parametrize(
        'options', [
            *[dict(with_cp=choice) for choice, _ in RECOMPUTED],
            dict(with_cp=False),
        ],
        ids=str)
    def test_what_is_recomputed_changes_no_number(self, size, options):
        results = []
        for chosen in ({}, options):
            model = build(size, drop_path_rate=0.5, **chosen).train()
            torch.manual_seed(3)
            x = rand(size, requires_grad=True)
            output = list(tensors(model(x)))
            loss = sum(out.square().sum() for out in output)
            results.append([*output, *torch.autograd.grad(loss, [x, *model.parameters()])])
        assert all(torch.equal(a, b) for a, b in zip(*results))

    @pytest.mark.parametrize('with_cp, wanted', [(False, []), ([], []), *RECOMPUTED], ids=str)
    def test_checkpointing_recomputes_the_chosen_blocks_only(self, with_cp, wanted):
        model, calls = build(with_cp=with_cp).train(), Counter()
        for i, block in enumerate(model.blocks):
            block.register_forward_pre_hook(lambda *args, i=i: calls.update([i]))
        model(rand(IMAGE))[0].sum().backward()
        assert calls == {i: 2 if i in wanted else 1 for i in range(6)}
        calls.clear()
        model.eval()(rand(IMAGE))[0].sum().backward()
        assert set(calls.values()) == {1}  # nothing is recomputed in eval mode

    @both_ranks
    @pytest.mark.parametrize('chunk', [2**20, 2**10])
    @pytest.mark.parametrize('with_cp, again', [('cheap', True), (False, False)])
    def test_cheap_steps_run_again_unless_told_not_to(self, size, with_cp, again, chunk,
                                                      monkeypatch):
        monkeypatch.setattr('mvitv2_mm.ops.memory.CHUNK_ELEMENTS', chunk)
        model = build(size, with_cp=with_cp).train()
        loss = sum(out.sum() for out in tensors(model(rand(size))))
        with OpRecorder() as backward:
            loss.backward()
        max_pool = f'max_pool{len(size)}d_with_indices'
        for operator in ('gelu', 'native_layer_norm', 'convolution', 'index_select', max_pool):
            assert bool(backward.shapes(f'aten::{operator}')) == again, operator

    def test_checkpointing_keeps_no_activations(self):
        saved = []
        for with_cp in (False, True):
            model, count = build(with_cp=with_cp).train(), []
            with torch.autograd.graph.saved_tensors_hooks(lambda t: count.append(t.numel()) or t,
                                                          lambda t: t):
                model(rand(IMAGE))
            saved.append(sum(count))
        assert saved[1] < saved[0] / 5

    def test_mode_switches_return_the_model(self):
        model = MViTv2(ARCH, 32, frozen_stages=1)
        assert model.eval() is model
        assert model.train() is model
        assert model.train(False) is model

    @pytest.mark.parametrize('frozen_stages, blocks', [(-1, 0), (0, 0), (1, 1), (2, 3), (3, 5),
                                                       (4, 6)])
    def test_frozen_stages(self, frozen_stages, blocks):
        model = MViTv2(
            ARCH,
            CLIP,
            frozen_stages=frozen_stages,
            out_scales=(0, 1, 2, 3),
            drop_path_rate=0.5,
            use_abs_pos_embed=True)
        model.init_weights()
        frozen = {f'blocks.{i}' for i in range(blocks)} | {f'norm{s}' for s in range(frozen_stages)}
        if frozen_stages >= 0:
            frozen |= {'patch_embed', 'cls_token', 'pos_embed'}
        for _ in range(2):  # also after a round through eval mode
            model.eval().train()
            for name, param in model.named_parameters():
                is_frozen = any(f'{name}.'.startswith(f'{part}.') for part in frozen)
                assert param.requires_grad == (not is_frozen), name
            for name, module in model.named_modules():
                is_frozen = any(f'{name}.'.startswith(f'{part}.') for part in frozen)
                assert module.training == (not is_frozen), name

    @pytest.mark.parametrize('with_cp', [False, True])
    def test_frozen_stages_train_the_rest(self, with_cp):
        model = MViTv2(ARCH, IMAGE, frozen_stages=2, with_cp=with_cp)
        model.init_weights()
        before = {name: param.clone() for name, param in model.named_parameters()}
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1.)
        model.train()(torch.randn(1, 3, *IMAGE))[0].square().sum().backward()
        optimizer.step()
        changed = {
            name
            for name, param in model.named_parameters() if not torch.equal(param, before[name])
        }
        assert changed >= {'blocks.3.attn.qkv.weight', 'blocks.5.mlp.fc1.weight', 'norm3.bias'}
        assert not [
            name for name in changed if name.startswith(('patch', 'blocks.0.', 'blocks.2.'))
        ]

    @both_ranks
    @pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
    def test_autocast_gives_finite_outputs_and_gradients_near_float32(self, size, dtype):
        model = MViTv2(ARCH, size, out_scales=(0, 1, 2, 3)).train()
        model.init_weights()
        x = torch.randn(2, 3, *size)
        with torch.autocast('cpu', dtype=dtype):
            output = list(tensors(model(x)))
        sum(out.float().square().mean() for out in output).backward()
        assert all(param.grad.isfinite().all() for param in model.parameters())
        for out, wanted in zip(output, tensors(model(x))):
            assert (out.float() - wanted).abs().mean() < 0.05

    def test_inference_mode_first_then_training(self):
        """Index tensors are kept between calls; none may stay an inference tensor."""
        size = (56, 88)  # no other test uses it
        model = build(size)
        with torch.inference_mode():
            model(rand(size))
        model(rand(size))[0].sum().backward()


class TestCopies:

    @both_ranks
    def test_deepcopy_and_pickle(self, size):
        model, x = build(size), rand(size)
        wanted = list(tensors(model(x)))
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert all(map(torch.equal, tensors(other(x)), wanted))
            next(other.parameters()).data.zero_()
            assert all(map(torch.equal, tensors(model(x)), wanted))

    @both_ranks
    def test_state_dict_round_trip(self, size, tmp_path):
        model, other = build(size), MViTv2(ARCH, size).double().eval()
        torch.save(model.state_dict(), tmp_path / 'model.pth')
        other.load_state_dict(torch.load(tmp_path / 'model.pth', weights_only=True))
        x = rand(size)
        assert all(map(torch.equal, tensors(other(x)), tensors(model(x))))
