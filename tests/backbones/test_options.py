"""What every option of the backbone does, edge values included."""
import copy
import itertools
import pickle

import pytest
import torch
import torch.nn as nn
from parity import ARCH, assert_same, randomise

from mvitv2_mm import MViTv2
from mvitv2_mm.ops import attention_path, get_attention_path

IMAGE, CLIP = (48, 32), (4, 48, 32)
both_ranks = pytest.mark.parametrize('size', [IMAGE, CLIP], ids=['2d', '3d'])


def build(size=IMAGE, **kwargs):
    return randomise(MViTv2(kwargs.pop('arch', ARCH), size, **kwargs))


def rand(size, batch=2, **kwargs):
    return torch.randn(batch, 3, *size, dtype=torch.float64, **kwargs)


def tensors(output):
    """All tensors of an output, class tokens included."""
    for out in output:
        yield from out if isinstance(out, list) else [out]


class TestArguments:

    @both_ranks
    def test_arguments_of_the_caller_stay_as_they_are(self, size):
        kwargs = dict(
            arch={
                k: list(v) if isinstance(v, list) else v
                for k, v in ARCH.items()
            },
            input_size=list(size),
            out_scales=[-1, 0],
            pool_kernel=[3] * len(size),
            adaptive_kv_stride=[1, 4, 4][-len(size):],
            norm_cfg=dict(type='LN', eps=1e-6, requires_grad=True),
            patch_cfg=dict(stride=[4] * len(size)),
            init_cfg=[dict(type='Constant', layer='LayerNorm', val=1., bias=0.)])
        before = copy.deepcopy(kwargs)
        model = MViTv2(**kwargs)
        model.init_weights()
        model(torch.randn(1, 3, *size))
        assert kwargs == before

    def test_defaults_are_not_shared(self):
        first, second = MViTv2(ARCH, 32), MViTv2(ARCH, 32)
        first.init_cfg[0]['std'] = 5.
        assert second.init_cfg[0]['std'] == 0.02
        assert MViTv2(ARCH, 32).init_cfg[0]['std'] == 0.02

    @pytest.mark.parametrize('out_scales, wanted', [(-1, (3, )), (0, (0, )), ([3], (3, )),
                                                    ((-1, 0), (0, 3)), ([2, 2, -2], (2, )),
                                                    ([3, 1, 0, 2], (0, 1, 2, 3)),
                                                    (range(4), (0, 1, 2, 3))])
    def test_out_scales(self, out_scales, wanted):
        model = build(out_scales=out_scales)
        assert model.out_scales == wanted
        assert sum(name.startswith('norm') for name, _ in model.named_children()) == len(wanted)
        with torch.no_grad():
            output, every = model(rand(IMAGE)), build(out_scales=range(4))(rand(IMAGE))
        assert [out.shape for out in output] == [every[scale].shape for scale in wanted]

    def test_each_scale_has_the_value_of_a_model_that_returns_it_alone(self):
        model, x = build(out_scales=(0, 1, 2, 3)), rand(IMAGE)
        for scale in range(4):
            alone = MViTv2(ARCH, IMAGE, out_scales=scale).double().eval()
            missing = alone.load_state_dict(model.state_dict(), strict=False).missing_keys
            assert not missing
            assert torch.equal(alone(x)[0], model(x)[scale])

    def test_channels_of_the_input(self):
        assert build(in_channels=1)(torch.rand(1, 1, *IMAGE).double())[0].shape[1] == 64

    def test_patch_cfg_overrides_what_it_names(self):
        model = build(patch_cfg=dict(stride=2))
        conv = model.patch_embed.projection
        assert (conv.kernel_size, conv.stride, conv.padding) == ((7, 7), (2, 2), (3, 3))
        assert model(rand(IMAGE))[0].shape[2:] == (3, 2)

    def test_no_second_class_for_each_rank(self):
        assert type(build(IMAGE)) is type(build(CLIP))


class TestAttentionPath:

    @pytest.mark.parametrize('size, window_size', [(IMAGE, None), (IMAGE, 8), (CLIP, None)])
    def test_both_paths_give_the_same_numbers(self, size, window_size):
        model, x = build(size, window_size=window_size), rand(size, requires_grad=True)
        results = []
        for path in ('fused', 'reference'):
            with attention_path(path):
                assert get_attention_path() == path
                output = list(tensors(model(x)))
                grads = torch.autograd.grad(
                    sum(out.square().sum() for out in output), [x, *model.parameters()])
                results.append([*output, *grads])
        assert_same(*results)
        assert not all(map(torch.equal, *results))  # the second path is really another one

    def test_the_path_is_restored_and_unknown_names_are_refused(self):
        with pytest.raises(RuntimeError), attention_path('reference'):
            raise RuntimeError
        assert get_attention_path() == 'fused'
        with pytest.raises(ValueError, match=r"should be one of .*'fused'.* but got 'flash'"):
            with attention_path('flash'):
                pass
        assert get_attention_path() == 'fused'


class TestOutputs:

    @pytest.mark.parametrize('size, scale0, scale3', [((48, 32), (12, 8), (2, 1)),
                                                      ((45, 61), (12, 16), (2, 2)),
                                                      ((4, 48, 32), (2, 12, 8), (2, 2, 1)),
                                                      ((5, 45, 61), (3, 12, 16), (3, 2, 2)),
                                                      ((1, 16, 16), (1, 4, 4), (1, 1, 1))])
    def test_shapes_at_any_size_of_build_and_run(self, size, scale0, scale3):
        """A model runs at its own size and at the size of any other."""
        nominal = (64, ) * len(size)
        for built in (size, nominal) if min(size) > 31 else (nominal, ):
            maps = build(built, out_scales=(0, 3), out_type='featmap')(rand(size))
            assert [tuple(feat.shape) for feat in maps] == [(2, 8, *scale0), (2, 64, *scale3)]

    @both_ranks
    @pytest.mark.parametrize('with_cls', [True, False])
    def test_types_against_each_other(self, size, with_cls):
        """Every type from the tokens after the last block."""
        x, kwargs = rand(size), dict(with_cls_token=with_cls)
        model = build(size, out_type='featmap', **kwargs)
        tokens = []
        model.blocks[-1].register_forward_hook(lambda *args: tokens.append(args[2][0]))
        feat, = model(x)
        normed, patches = model.norm3(tokens[0]), tokens[0][:, int(with_cls):]
        torch.testing.assert_close(feat.flatten(2).mT, normed[:, int(with_cls):])

        def output(**options):
            return build(size, **kwargs, **options)(x)[0]

        torch.testing.assert_close(output(out_type='avg_featmap'), feat.flatten(2).mean(-1))
        torch.testing.assert_close(
            output(out_type='avg_then_norm'), model.norm3(patches.mean(dim=1)))
        assert torch.equal(output(output_cls_token=False), feat)
        if with_cls:
            torch.testing.assert_close(output(out_type='cls_token'), normed[:, 0])
            patch_token, cls_token = output(output_cls_token=True)
            assert torch.equal(patch_token, feat)
            assert torch.equal(cls_token, normed[:, 0])
            assert isinstance(output(), list)  # the default with a class token
        else:
            assert torch.equal(output(), feat)

    @both_ranks
    def test_types_differ(self, size):
        """Control: the mean of normed tokens is not the norm of the mean, nor the class token."""
        types = ('cls_token', 'avg_featmap', 'avg_then_norm')
        values = [build(size, with_cls_token=True, out_type=t)(rand(size, 1))[0] for t in types]
        for a, b in itertools.combinations(values, 2):
            assert (a - b).abs().max() > 1e-2

    @both_ranks
    def test_rank_sets_the_class_token(self, size):
        assert (build(size).cls_token is not None) == (len(size) == 3)
        assert isinstance(build(size)(rand(size))[0], list) == (len(size) == 3)

    @both_ranks
    @pytest.mark.parametrize('with_cls', [True, False])
    @pytest.mark.parametrize('channels_last', [True, False])
    def test_maps_are_contiguous(self, size, with_cls, channels_last):
        x = rand(size)
        if channels_last:
            layouts = {2: torch.channels_last, 3: torch.channels_last_3d}
            x = x.contiguous(memory_format=layouts[len(size)])
        model = build(size, with_cls_token=with_cls, out_scales=(0, 1, 2, 3), out_type='featmap')
        assert all(feat.is_contiguous() for feat in model(x))

    @both_ranks
    def test_a_batch_equals_its_samples(self, size):
        model, x = build(size), rand(size)
        singles = [list(tensors(model(sample[None]))) for sample in x]
        for whole, *parts in zip(tensors(model(x)), *singles):
            torch.testing.assert_close(whole, torch.cat(parts), rtol=1e-12, atol=1e-12)

    def test_image_model_equals_clip_model_of_one_frame(self):
        """Kernels at the centre frame; with one frame the time table shifts whole rows."""
        image = build((32, 48), out_scales=(0, 1, 2, 3), adaptive_kv_stride=4)
        clip = MViTv2(
            ARCH, (2, 32, 48),
            out_scales=(0, 1, 2, 3),
            adaptive_kv_stride=(1, 4, 4),
            with_cls_token=False).double().eval()
        state = clip.state_dict()
        for key, value in image.state_dict().items():
            if state[key].dim() == 5:
                state[key].zero_()[:, :, 1] = value
            else:
                state[key] = value
        clip.load_state_dict(state)
        x = rand((32, 48))
        for a, b in zip(image(x), clip(x[:, :, None])):
            torch.testing.assert_close(a, b[:, :, 0], rtol=1e-11, atol=1e-11)
        state['blocks.0.attn.pool_k.weight'][0, 0, 0] += 1  # a tap that only sees padding
        clip.load_state_dict(state)
        torch.testing.assert_close(clip(x[:, :, None])[0][:, :, 0], image(x)[0])
        state['blocks.0.attn.pool_k.weight'][0, 0, 1] += 1e-3
        clip.load_state_dict(state)
        assert (clip(x[:, :, None])[0][:, :, 0] - image(x)[0]).abs().max() > 1e-6


class TestInit:

    @both_ranks
    @pytest.mark.parametrize(
        'options', [{},
                    dict(rel_pos_embed=False),
                    dict(with_cls_token=True, use_abs_pos_embed=True),
                    dict(residual_pooling=False, qkv_bias=False),
                    dict(rel_pos_zero_init=True),
                    dict(dim_mul_in_attention=False),
                    dict(init_cfg=None),
                    dict(init_cfg=[]),
                    dict(norm_cfg=dict(type='LN', eps=1e-5))],
        ids=str)
    def test_every_option_initialises_and_runs(self, size, options):
        model = MViTv2(ARCH, size, **options)
        model.init_weights()
        assert all(out.isfinite().all() for out in tensors(model(torch.randn(1, 3, *size))))

    @pytest.mark.parametrize('size, bias', [(224, 0.), ((16, 224, 224), 0.02)])
    def test_statistics(self, size, bias):
        """Image code starts biases at 0, video code at 0.02; weights are drawn with std 0.02."""
        model = MViTv2('tiny', size, with_cls_token=True, use_abs_pos_embed=True)
        model.init_weights()
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear):
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.05), name
                assert module.weight.mean().item() == pytest.approx(0., abs=1e-3), name
                assert (module.bias == bias).all(), name
            if isinstance(module, nn.LayerNorm):
                assert (module.weight == 1).all(), name
                assert (module.bias == bias).all(), name
                assert module.eps == 1e-6, name
            if isinstance(module, nn.Conv3d):
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.1), name
        for name, param in model.named_parameters():
            if 'rel_pos' in name or name in ('cls_token', 'pos_embed'):
                assert param.std().item() == pytest.approx(0.02, rel=0.25), name
                assert param.abs().max() < 0.2, name

    def test_zero_tables_on_request(self):
        model = MViTv2('tiny', rel_pos_zero_init=True)
        model.init_weights()
        assert all((table == 0).all() for block in model.blocks for table in block.attn.rel_pos)

    def test_drop_path_grows_linearly(self):
        model = MViTv2(ARCH, 32, drop_path_rate=0.5)
        rates = [getattr(block.drop_path, 'drop_prob', 0.) for block in model.blocks]
        assert rates == pytest.approx([0., 0.1, 0.2, 0.3, 0.4, 0.5])

    @pytest.mark.parametrize('as_list', [False, True])
    @both_ranks
    def test_a_checkpoint_in_init_cfg_wins_over_initialisation(self, size, as_list, tmp_path):
        trained = MViTv2(ARCH, size, use_abs_pos_embed=True)
        trained.init_weights()
        path = str(tmp_path / 'trained.pth')
        torch.save(trained.state_dict(), path)
        init_cfg = dict(type='Pretrained', checkpoint=path)
        model = MViTv2(
            ARCH, size, use_abs_pos_embed=True, init_cfg=[init_cfg] if as_list else init_cfg)
        model.init_weights()
        for key, value in trained.state_dict().items():
            assert torch.equal(model.state_dict()[key], value), key


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
    def test_checkpointing_equals_plain(self, size):
        results = []
        for with_cp in (False, True):
            model = build(size, with_cp=with_cp, drop_path_rate=0.5).train()
            torch.manual_seed(3)
            x = rand(size, requires_grad=True)
            output = list(tensors(model(x)))
            loss = sum(out.square().sum() for out in output)
            results.append([*output, *torch.autograd.grad(loss, [x, *model.parameters()])])
        assert all(torch.equal(a, b) for a, b in zip(*results))

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
