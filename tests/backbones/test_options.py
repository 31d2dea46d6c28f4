"""What every option of the backbone does, edge values included."""
import copy
import itertools
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest
import torch
import torch.nn as nn
from parity import ARCH, assert_same
from small_models import CLIP, IMAGE, both_ranks, build, rand, tensors

from mvitv2_mm import MViTv2
from mvitv2_mm.layers import compute_path, get_compute_path


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
            with_cp=dict(blocks=[0, 1]),
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


class TestComputePath:

    @pytest.mark.parametrize('size, window_size', [(IMAGE, None), (IMAGE, 8), (CLIP, None)])
    def test_all_paths_give_the_same_numbers(self, size, window_size):
        model, x = build(size, window_size=window_size), rand(size, requires_grad=True)
        results = []
        for path in ('reference', 'sdpa', 'chunked'):
            with compute_path(path):
                assert get_compute_path() == path
                output = list(tensors(model(x)))
                grads = torch.autograd.grad(
                    sum(out.square().sum() for out in output), [x, *model.parameters()])
                results.append([*output, *grads])
        for i, j in ((0, 1), (0, 2), (1, 2)):
            assert_same(results[i], results[j])
            assert not all(map(torch.equal, results[i], results[j]))  # really another path

    def test_the_path_is_restored_and_unknown_names_are_refused(self):
        with pytest.raises(RuntimeError), compute_path('reference'):
            raise RuntimeError
        assert get_compute_path() == 'auto'
        with pytest.raises(ValueError, match=r"should be one of .*'sdpa'.* but got 'flash'"):
            with compute_path('flash'):
                pass
        assert get_compute_path() == 'auto'

    def test_an_inner_choice_ends_with_its_block(self):
        with compute_path('reference'):
            with compute_path('sdpa'):
                assert get_compute_path() == 'sdpa'
            assert get_compute_path() == 'reference'

    def test_each_thread_has_its_own(self):
        with compute_path('reference'), ThreadPoolExecutor(1) as pool:
            assert pool.submit(get_compute_path).result() == 'auto'


@pytest.mark.parametrize('size', [IMAGE, CLIP])
def test_shapes_on_the_meta_device(size):
    """Which knows no autocast."""
    model, x = build(size), rand(size)
    wanted = [out.shape for out in tensors(model(x))]
    with torch.autocast('cpu', torch.bfloat16):
        assert [out.shape for out in tensors(model.to('meta')(x.to('meta')))] == wanted


class TestOutputs:

    @pytest.mark.parametrize('size, scale0, scale3', [((48, 32), (12, 8), (2, 1)),
                                                      ((45, 61), (12, 16), (2, 2)),
                                                      ((4, 48, 32), (2, 12, 8), (2, 2, 1)),
                                                      ((5, 45, 61), (3, 12, 16), (3, 2, 2)),
                                                      ((1, 16, 16), (1, 4, 4), (1, 1, 1))])
    def test_shapes_at_any_size_of_build_and_run(self, size, scale0, scale3):
        """A model runs at its own size and at the size of any other."""
        for built in (size, (64, ) * len(size)):
            maps = build(built, out_scales=(0, 3), out_type='featmap')(rand(size))
            assert [tuple(feat.shape) for feat in maps] == [(2, 8, *scale0), (2, 64, *scale3)]

    def test_tables_where_queries_and_keys_are_pooled_to_one_token(self):
        attn = build((16, 16), adaptive_kv_stride=16).blocks[5].attn
        assert [len(table) for table in attn.rel_pos] == [1, 1]

    def test_blocks_after_the_last_wanted_scale_are_not_built(self):
        """So that every parameter gets a gradient, as distributed training wants it."""
        whole, first = build(out_scales=(0, 1, 3)), MViTv2(ARCH, IMAGE, out_scales=(0, 1))
        assert (len(whole.blocks), len(first.blocks)) == (6, 3)
        state = whole.state_dict()
        del state['norm3.weight'], state['norm3.bias']
        messages = []
        with patch('mvitv2_mm.backbones.mvitv2.print_log', lambda text, *_: messages.append(text)):
            first.double().load_state_dict(state)
        num_unused = sum(len(block.state_dict()) for block in whole.blocks[3:])
        assert messages == [
            f'{num_unused} weights of the blocks 3 to 5 in the checkpoint are not used: '
            'out_scales=(0, 1) needs none of these blocks'
        ]
        x = rand(IMAGE)
        assert_same(first(x), whole(x)[:2])
        sum(feat.sum() for feat in first(x)).backward()
        assert all(param.grad is not None for param in first.parameters())

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
        assert torch.equal(output(out_type='featmap'), feat)
        if with_cls:
            torch.testing.assert_close(output(out_type='cls_token'), normed[:, 0])
            patch_token, cls_token = output(out_type='featmap_and_cls_token')
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
