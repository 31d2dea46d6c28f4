"""Hybrid window attention: detectron2's block map, and values against a slow reference."""
import pytest
import torch
from parity import assert_same, randomise
from slow_detection import block_settings, detection_features

from mvitv2_mm import MViTv2

ARCH = dict(embed_dims=8, num_layers=8, num_heads=1, downscale_indices=(1, 3, 6))
DEPTHS = (1, 2, 3, 2)

# block: channels in, out, heads, query stride, key/value stride, window (0: global)
SMALL = {
    0: (96, 96, 1, 1, 4, 56),
    1: (96, 192, 2, 2, 2, 56),
    2: (192, 192, 2, 1, 4, 0),
    3: (192, 384, 4, 2, 1, 28),
    **{
        i: (384, 384, 4, 1, 1, 14)
        for i in range(4, 13)
    },
    13: (384, 384, 4, 1, 2, 0),
    14: (384, 768, 8, 2, 1, 14),
    15: (768, 768, 8, 1, 1, 0),
}
BASE = {
    0: (96, 96, 1, 1, 4, 56),
    1: (96, 96, 1, 1, 4, 56),
    2: (96, 192, 2, 2, 2, 56),
    3: (192, 192, 2, 1, 2, 28),
    4: (192, 192, 2, 1, 4, 0),
    5: (192, 384, 4, 2, 1, 28),
    **{
        i: (384, 384, 4, 1, 1, 14)
        for i in range(6, 20)
    },
    20: (384, 384, 4, 1, 2, 0),
    21: (384, 768, 8, 2, 1, 14),
    22: (768, 768, 8, 1, 1, 7),
    23: (768, 768, 8, 1, 1, 0),
}
TINY_WINDOWS = [56, 56, 0, 28, 14, 14, 14, 0, 14, 0]


def block_map(model):
    rows = {}
    for i, spec in enumerate(model.block_specs):
        assert len({*spec.stride_q}) == len({*spec.stride_kv}) == 1
        rows[i] = (spec.in_dims, spec.out_dims, spec.num_heads, spec.stride_q[0], spec.stride_kv[0],
                   spec.window_size)
    return rows


def build(arch, **kwargs):
    with torch.device('meta'):
        return MViTv2(arch, out_scales=(0, 1, 2, 3), window_size=56, **kwargs)


@pytest.mark.parametrize('arch, wanted', [('small', SMALL), ('base', BASE)])
def test_block_map(arch, wanted):
    assert block_map(build(arch)) == wanted


def test_windows_of_tiny():
    assert [spec.window_size for spec in build('tiny').block_specs] == TINY_WINDOWS


@pytest.mark.parametrize('arch, depths', [('tiny', (1, 2, 5, 2)), ('small', (1, 2, 11, 2)),
                                          ('base', (2, 3, 16, 3)), ('large', (2, 6, 36, 4)),
                                          ('huge', (4, 8, 60, 8))])
def test_block_map_follows_the_rules_of_the_reference(arch, depths):
    model = build(arch)
    wanted = block_settings(depths, heads=model.arch.num_heads)
    for row, setting in zip(block_map(model).values(), wanted, strict=True):
        assert row[2:] == (setting['heads'], setting['stride_q'], setting['stride_kv'],
                           setting['window'])


@pytest.mark.parametrize('arch', ['tiny', 'base', 'huge'])
def test_tables_keep_the_length_of_the_classifier(arch):
    """So that ImageNet weights load without resizing."""
    detector = build(arch)
    with torch.device('meta'):
        classifier = MViTv2(arch, out_scales=(0, 1, 2, 3))
    assert ({
        k: v.shape
        for k, v in detector.state_dict().items()
    } == {
        k: v.shape
        for k, v in classifier.state_dict().items()
    })


@pytest.fixture(scope='module')
def model():
    return randomise(MViTv2(ARCH, 32, out_scales=(0, 1, 2, 3), window_size=8))


# Global blocks need power-of-two ratios here; other ratios are covered by parity with the hosts.
@pytest.mark.parametrize('size', [(32, 32), (64, 96), (128, 32), (33, 64), (61, 124), (16, 8)])
def test_values_and_gradients_against_the_slow_reference(model, size):
    params = dict(model.named_parameters())
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    output, wanted = model(x), detection_features(params, x, DEPTHS, window=8)
    assert_same(output, wanted)
    probes = [torch.randn_like(feat) for feat in output]
    grads, wanted_grads = (
        torch.autograd.grad(
            sum((feat * probe).sum() for feat, probe in zip(feats, probes)), [x, *params.values()])
        for feats in (output, wanted))
    assert_same(grads, wanted_grads)


def test_the_comparison_notices_each_rule(model):
    """Negative control: every rule, changed in the reference alone, must show."""
    params = dict(model.named_parameters())
    x = torch.randn(1, 3, 61, 124, dtype=torch.float64)
    output = model(x)
    table = params['blocks.4.attn.rel_pos_h'].detach().clone()
    table[0] += 1e-3
    perturbed = {**params, 'blocks.4.attn.rel_pos_h': table}
    for changed in (detection_features(params, x, DEPTHS, window=16),
                    detection_features(params, x, DEPTHS, window=8, kv_stride=2),
                    detection_features(perturbed, x, DEPTHS, window=8)):
        with pytest.raises(AssertionError):
            assert_same(output, changed)


def test_windows_change_the_result_and_the_last_block_sees_everything(model):
    """A pixel far away reaches the last scale, but not the first, whose blocks are windowed."""
    x = torch.randn(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    first, last = model(x)[0], model(x)[3]
    far, = torch.autograd.grad(first[0, :, 0, 0].sum(), x)
    assert far[0, :, :32, :32].abs().sum() > 0
    assert far[0, :, 64:, 64:].abs().sum() == 0
    far, = torch.autograd.grad(last[0, :, 0, 0].sum(), x)
    assert far[0, :, 64:, 64:].abs().sum() > 0


def test_feature_maps_are_contiguous(model):
    """mmcv's RoIAlign reads the raw buffer of a map."""
    for feat in model(torch.randn(2, 3, 45, 61, dtype=torch.float64)):
        assert feat.is_contiguous()
