"""Counts against published figures and closed formulas."""
from math import prod
from pathlib import Path

import in_process
import pytest
import torch
from mmengine.config import Config

from mvitv2_mm.analysis import Macs, count_macs, measure
from mvitv2_mm.layers import MultiScaleAttention, compute_path

ROOT = Path(__file__).parents[2]

IN_MLP = dict(dim_mul_in_attention=False)
CLS = dict(with_cls_token=True, out_type='cls_token')

# arch, input, options, classes, parameters, published GMACs with the digits printed there
# a linear head on one vector per picture or clip
VECTORS = [
    ('tiny', 224, {}, 1000, 24173320, 4.7),
    ('small', 224, {}, 1000, 34870216, 7.0),
    ('base', 224, {}, 1000, 51472744, 10.2),
    ('base', 224, CLS, 19168, 65444032, 10.2),
    ('base', 384, {}, 1000, 51599464, 36.7),
    # the table of the paper's code prints 42.1, the cost of a net with another parameter count
    ('large', 224, IN_MLP, 1000, 217992952, 43.87),
    ('large', 224, CLS, 1000, 213635512, 42.15),
    ('huge', 512, CLS, 1000, 667329192, 763.5),
    # fine-tuned after MaskFeat
    ('small', (16, 224, 224), dict(IN_MLP, out_type='avg_then_norm'), 400, 36475120, 71),
]
# a linear head on the class token
CLIPS = [
    ('small', (16, 224, 224), {}, 400, 34537744, 64.5),
    ('base', (32, 224, 224), {}, 400, 51230128, 225.2),
    ('large', (40, 312, 312), {}, 400, 213390112, 2828),
]


def assert_rounds_to(macs: int, published: float) -> None:
    digits = len(str(published).partition('.')[2])
    assert round(macs / 1e9, digits) == published


@pytest.mark.parametrize('arch, size, options, num_classes, params, published', VECTORS)
def test_vector_models(arch, size, options, num_classes, params, published):
    backbone = dict(type='mvitv2_mm.MViTv2', arch=arch, input_size=size, out_type='avg_featmap')
    backbone.update(options)
    in_channels = dict(tiny=768, small=768, base=768, large=1152, huge=1536)[arch]
    head = dict(type='LinearClsHead', num_classes=num_classes, in_channels=in_channels)
    model = dict(type='ImageClassifier', backbone=backbone, head=head)
    result = measure(Config(dict(default_scope='mmpretrain', model=model)))
    assert result.total_params == params
    assert_rounds_to(result.total_macs.total, published)


@pytest.mark.parametrize('arch, size, options, num_classes, params, published', CLIPS)
def test_video_models(arch, size, options, num_classes, params, published):
    backbone = dict(type='mvitv2_mm.MViTv2', arch=arch, input_size=size, **options)
    in_channels = dict(small=768, base=768, large=1152)[arch]
    head = dict(type='MViTHead', num_classes=num_classes, in_channels=in_channels)
    model = dict(type='Recognizer3D', backbone=backbone, cls_head=head)
    result = measure(Config(dict(default_scope='mmaction', model=model)))
    assert result.total_params == params
    assert_rounds_to(result.total_macs.total, published)


def test_one_layer_against_a_formula():
    dims, heads, kernel, grid, k_grid = 192, 2, 27, (4, 16, 16), (4, 2, 2)
    layer = MultiScaleAttention(
        96,
        dims,
        heads,
        grid, (1, 1, 1), (1, 8, 8), (3, 3, 3),
        window_size=0,
        rel_pos_embed=True,
        residual_pooling=True,
        qkv_bias=True,
        with_cls_token=True,
        norm_cfg=dict(type='LN')).eval()
    x = torch.rand(1, 1 + prod(grid), 96)
    with compute_path('reference'):
        macs, _ = count_macs(layer, x, grid)

    tokens, keys = prod(grid) + 1, prod(k_grid) + 1
    projections = tokens * 96 * 3 * dims + tokens * dims * dims
    pooling = (prod(grid) + 2 * prod(k_grid)) * dims * kernel
    products = 2 * tokens * keys * dims
    positions = prod(grid) * sum(k_grid) * dims
    assert macs.products == projections + pooling + products + positions
    assert macs.norms == 5 * (tokens + 2 * keys) * dims
    assert count_macs(layer, x, grid)[0] != macs  # what runs is something else


def test_detector_of_the_paper():
    """At 800 x 1280 with 1000 proposals and 100 masks the published 279 G and 44 M come out."""
    config = ROOT / 'configs/detection/mask-rcnn_mvitv2-tiny_fpn_64xb1-amp-ms-crop-3x_coco.py'
    result = measure(Config.fromfile(config))
    assert result.total_params == 43679568
    assert result.total_macs.total == pytest.approx(279e9, rel=0.005)
    box_heads = 1000 * (256 * 49 * 1024 + 1024 * 1024 + 1024 * 81 + 1024 * 320)
    mask_heads = 100 * (4 * 256 * 256 * 9 * 196 + 256 * 256 * 4 * 196 + 256 * 80 * 784)
    assert result.macs['roi_head'] == Macs(box_heads + mask_heads)


def test_command(capsys):
    config = str(ROOT / 'configs/quickstart/image.py')
    flops = []
    for shape in ([], ['--shape', '128', '64']):
        in_process.run('flops', [config, *shape])
        flops.append(int(capsys.readouterr().out.split('FLOPs: ')[1]))
    assert flops[0] == measure(Config.fromfile(config)).total_macs.total
    assert flops[1] > 2 * flops[0]
    with pytest.raises(SystemExit, match=r'"shape" should be \(H, W\) .* but got \(8, 64, 64\)'):
        in_process.run('flops', [config, '--shape', '8', '64', '64'])
