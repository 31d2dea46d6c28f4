"""Parity with the implementations people use today, same weights, outputs and gradients.

The hosts feed a scale's *normed* tokens on to the next block, so each scale is compared with a
host model that returns that scale alone.
"""
from functools import partial

import pytest
import torch
from parity import ARCH, TWO_HEADS, assert_notices, assert_parity, assert_same, randomise

from mvitv2_mm import MViTv2

CONTROLS = ('patch_embed.projection.weight', 'blocks.0.attn.rel_pos_h', 'blocks.1.attn.rel_pos_w',
            'blocks.1.attn.pool_q.weight', 'blocks.2.attn.pool_k.weight', 'blocks.2.attn.qkv.bias',
            'blocks.3.attn.norm_q.weight', 'blocks.3.attn.proj.weight', 'blocks.3.mlp.fc1.weight',
            'norm3.bias')


def state_for(host, model):
    """Our weights as the host wants them: without the norms of scales it does not return."""
    state, wanted = model.state_dict(), host.state_dict()
    return {
        **{
            key: torch.zeros_like(wanted[key])
            for key in wanted.keys() - state.keys()
        },
        **{
            key: state[key]
            for key in state if key in wanted
        }
    }


def shapes(model):
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


class TestMMPretrain:
    IMAGE_CASES = [
        pytest.param(ARCH, {}, id='attention'),
        pytest.param(ARCH, dict(dim_mul_in_attention=False), id='mlp'),
        pytest.param(TWO_HEADS, dict(qkv_bias=False, residual_pooling=False), id='two-heads'),
        pytest.param(TWO_HEADS, dict(use_abs_pos_embed=True, adaptive_kv_stride=8), id='abs-pos'),
        pytest.param(
            ARCH, dict(rel_pos_embed=False, pool_kernel=(5, 5), mlp_ratio=2.), id='no-rel'),
    ]

    def build(self, arch, scale, input_size=64, **kwargs):
        backbones = pytest.importorskip('mmpretrain.models.backbones')
        if 'rel_pos_embed' in kwargs:
            kwargs['rel_pos_spatial'] = kwargs.pop('rel_pos_embed')
        host = backbones.MViT(arch, input_size, out_scales=[scale], **kwargs).double()
        host.eval()
        return host

    @pytest.mark.parametrize('size', [(64, 64), (50, 71)], ids=['train-size', 'odd'])
    @pytest.mark.parametrize('arch, kwargs', IMAGE_CASES)
    def test_every_scale(self, arch, kwargs, size):
        num_scales = len(arch['downscale_indices']) + 1
        ours = randomise(MViTv2(arch, 64, out_scales=range(num_scales), **kwargs))
        x = torch.randn(2, 3, *size, dtype=torch.float64)
        for scale in range(num_scales):
            host = self.build(arch, scale, **kwargs)
            host.load_state_dict(state_for(host, ours))
            # mmpretrain resizes absolute positions in float32
            tol = dict(rtol=1e-5, atol=1e-5) if 'use_abs_pos_embed' in kwargs else {}
            assert_parity(ours, host, x, read=lambda out: [out[scale]], **tol)

    def test_control(self):
        ours = randomise(MViTv2(ARCH, 64))
        host = self.build(ARCH, 3)
        host.load_state_dict(ours.state_dict())
        x = torch.randn(1, 3, 50, 71, dtype=torch.float64)
        assert_notices(ours, x, host(x), CONTROLS)

    def test_built_and_loaded_at_a_non_square_size(self):
        """Tables resized on load equal the host's, resized at run time."""
        host = randomise(self.build(ARCH, 3, 64))
        ours = MViTv2(ARCH, (96, 160)).double().eval()
        ours.load_state_dict(host.state_dict())
        assert ours.blocks[0].attn.rel_pos_w.shape[0] == 79
        x = torch.randn(1, 3, 96, 160, dtype=torch.float64)
        assert_same(ours(x), host(x))

    @pytest.mark.parametrize('arch', ['tiny', 'small', 'base', 'large'])
    @pytest.mark.parametrize('in_attention', [True, False])
    def test_keys_and_shapes(self, arch, in_attention):
        kwargs = dict(out_scales=[0, 1, 2, 3], dim_mul_in_attention=in_attention)
        backbones = pytest.importorskip('mmpretrain.models.backbones')
        with torch.device('meta'):
            ours, host = MViTv2(arch, **kwargs), backbones.MViT(arch, **kwargs)
        assert shapes(ours) == shapes(host)

    def test_tiny_preset_at_224(self):
        ours, host = randomise(MViTv2('tiny')), self.build('tiny', 3, 224)
        host.load_state_dict(ours.state_dict())
        # float64, because max-pooling has ties in float32 that rounding decides
        assert_parity(ours, host, torch.randn(1, 3, 224, 224, dtype=torch.float64))


class TestMMAction2:

    def build(self, arch, scale, size=(4, 32, 32), **kwargs):
        mvit = pytest.importorskip('mmaction.models.backbones.mvit')
        return mvit.MViT(
            arch, spatial_size=size[1], temporal_size=size[0], out_scales=[scale],
            **kwargs).double().eval()

    @pytest.mark.parametrize('size', [(4, 32, 32), (6, 37, 50)], ids=['train-size', 'odd'])
    @pytest.mark.parametrize('arch, kwargs', [
        pytest.param(ARCH, {}, id='attention'),
        pytest.param(ARCH, dict(dim_mul_in_attention=False), id='mlp'),
        pytest.param(
            {
                **TWO_HEADS, 'dim_mul_indices': [1, 2, 3]
            }, dict(qkv_bias=False), id='dim-mul-indices'),
        pytest.param(
            TWO_HEADS, dict(use_abs_pos_embed=True, adaptive_kv_stride=(1, 4, 4)), id='abs-pos'),
        pytest.param(TWO_HEADS, dict(rel_pos_embed=False, residual_pooling=False), id='no-rel'),
    ])
    def test_with_class_token(self, arch, kwargs, size):
        num_scales = len(arch['downscale_indices']) + 1
        ours = randomise(MViTv2(arch, (4, 32, 32), out_scales=range(num_scales), **kwargs))
        x = torch.randn(2, 3, *size, dtype=torch.float64)
        for scale in range(num_scales):
            host = self.build(arch, scale, **kwargs)
            host.load_state_dict(state_for(host, ours))
            assert_parity(ours, host, x, read=lambda out: out[scale], call=lambda x: host(x)[0])

    @pytest.mark.parametrize('size', [(4, 32, 32), (6, 37, 50)], ids=['train-size', 'odd'])
    def test_without_class_token(self, size, log_text):
        host = randomise(self.build(ARCH, 3, with_cls_token=False, output_cls_token=False))
        ours = MViTv2(ARCH, (4, 32, 32), with_cls_token=False).double().eval()
        ours.load_state_dict(host.state_dict())  # strict, though mmaction2 stores a class token
        assert 'cls_token in the checkpoint is not used' in log_text()
        x = torch.randn(2, 3, *size, dtype=torch.float64)
        assert_parity(ours, host, x)

    def test_control(self):
        ours = randomise(MViTv2(ARCH, (4, 32, 32)))
        host = self.build(ARCH, 3)
        host.load_state_dict(ours.state_dict())
        x = torch.randn(1, 3, 6, 37, 50, dtype=torch.float64)
        names = (*CONTROLS, 'cls_token', 'blocks.0.attn.rel_pos_t')
        assert_notices(ours, x, host(x)[0], names, read=lambda out: out[0])

    @pytest.mark.parametrize('arch', ['tiny', 'small', 'base', 'large'])
    def test_keys_and_shapes(self, arch):
        mvit = pytest.importorskip('mmaction.models.backbones.mvit')
        with torch.device('meta'):
            ours = MViTv2(arch, (16, 224, 224), out_scales=[0, 1, 2, 3])
            host = mvit.MViT(arch, out_scales=[0, 1, 2, 3])
        assert shapes(ours) == shapes(host)


TIMM_NAMES = (('patch_embed.projection', 'patch_embed.proj'), ('norm3', 'norm'))


class TestTimm:
    """timm runs at the size it was built for; its class-token models differ from the official."""

    def rename(self, host, name):
        for ours, theirs in TIMM_NAMES:
            name = name.replace(ours, theirs)
        if name.startswith('blocks.'):
            _, index, rest = name.split('.', 2)
            ends = [sum(host.depths[:s + 1]) for s in range(len(host.depths))]
            stage = next(s for s, end in enumerate(ends) if int(index) < end)
            if rest.startswith('proj.'):
                rest = f'shortcut_proj_{"attn" if host.expand_attn else "mlp"}.{rest[5:]}'
            name = f'stages.{stage}.blocks.{int(index) - sum(host.depths[:stage])}.{rest}'
        return name

    @pytest.mark.parametrize('in_attention', [True, False], ids=['attention', 'mlp'])
    @pytest.mark.parametrize('size', [64, 48])
    def test_small_network(self, size, in_attention):
        timm = pytest.importorskip('timm.models.mvitv2')
        cfg = timm.MultiScaleVitCfg(
            depths=(1, 2, 2, 1), embed_dim=8, num_heads=1, expand_attn=in_attention)
        host = timm.MultiScaleVit(cfg, size, num_classes=0).double().eval()
        ours = randomise(MViTv2(ARCH, size, dim_mul_in_attention=in_attention))
        rename = partial(self.rename, host)
        host.load_state_dict({rename(key): value for key, value in ours.state_dict().items()})
        x = torch.randn(2, 3, size, size, dtype=torch.float64)

        def read(out):
            return [out[0].flatten(2).mT]

        def features(x):
            return [host.forward_features(x)]

        assert_parity(ours, host, x, read, features, rename)
        assert_notices(ours, x, features(x), CONTROLS, read)

    def test_tiny_preset_at_224(self):
        timm = pytest.importorskip('timm')
        host = timm.create_model('mvitv2_tiny', num_classes=0).eval()
        ours = randomise(MViTv2('tiny', out_type='avg_featmap')).float()
        host.load_state_dict({
            self.rename(host, key): value
            for key, value in ours.state_dict().items()
        })
        x = torch.randn(1, 3, 224, 224)
        with torch.no_grad():
            assert_same(ours(x), [host(x)], rtol=1e-5, atol=1e-5)


TORCHVISION_NAMES = (('patch_embed.projection', 'conv_proj'), ('norm3', 'norm'),
                     ('attn.proj', 'attn.project.0'), ('attn.norm_q', 'attn.pool_q.norm_act.0'),
                     ('attn.norm_k', 'attn.pool_k.norm_act.0'), ('attn.norm_v',
                                                                 'attn.pool_v.norm_act.0'),
                     ('attn.pool_q.weight', 'attn.pool_q.pool.weight'), ('attn.pool_k.weight',
                                                                         'attn.pool_k.pool.weight'),
                     ('attn.pool_v.weight', 'attn.pool_v.pool.weight'), ('mlp.fc1', 'mlp.0'),
                     ('mlp.fc2', 'mlp.3'), ('cls_token', 'pos_encoding.class_token'))


class TestTorchvision:

    def rename(self, name):
        for ours, theirs in TORCHVISION_NAMES:
            name = name.replace(ours, theirs)
        parts = name.split('.')
        return name.replace('.proj.', '.project.') if parts[2:3] == ['proj'] else name

    def load(self, host, ours):
        state = {self.rename(key): value for key, value in ours.state_dict().items()}
        state['pos_encoding.class_token'] = state['pos_encoding.class_token'].flatten()
        host.head = torch.nn.Identity()
        host.to(state['norm.weight'].dtype).load_state_dict(state)
        return host.eval()

    def test_small_network(self):
        mvit = pytest.importorskip('torchvision.models.video.mvit')
        specs = MViTv2(ARCH, (4, 64, 64)).block_specs
        blocks = [
            mvit.MSBlockConfig(s.num_heads, s.in_dims, s.out_dims, [3] * 3, [3] * 3,
                               list(s.stride_q), list(s.stride_kv)) for s in specs
        ]
        host = mvit.MViT((64, 64),
                         4,
                         blocks,
                         residual_pool=True,
                         residual_with_cls_embed=False,
                         rel_pos_embed=True,
                         proj_after_attn=True)
        ours = randomise(MViTv2(ARCH, (4, 64, 64)))
        self.load(host, ours)
        x = torch.randn(2, 3, 4, 64, 64, dtype=torch.float64)

        def cls_token(out):
            return [out[0][1]]

        assert_parity(ours, host, x, cls_token, lambda x: [host(x)], self.rename)
        assert_notices(ours, x, [host(x)], CONTROLS, cls_token)

    def test_mvit_v2_s_at_16x224(self):
        video = pytest.importorskip('torchvision.models.video')
        ours = randomise(MViTv2('small', (16, 224, 224), out_type='cls_token')).float()
        host = self.load(video.mvit_v2_s(), ours)
        x = torch.randn(1, 3, 16, 224, 224)
        with torch.no_grad():
            assert_same(ours(x), [host(x)], rtol=1e-5, atol=1e-5)
