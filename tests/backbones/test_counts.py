"""Sizes of the published models: parameters to the last one, table lengths, key names."""
import pytest
import torch

from mvitv2_mm import MViTv2

DETECTORS = {
    'tiny': 23_405_664,
    'small': 34_102_560,
    'base': 50_705_088,
    'large': 212_484_384,
    'huge': 665_345_408
}

# arch, input size, classes, options, parameters
CLASSIFIERS = [
    ('tiny', 224, 1000, {}, 24_173_320),
    ('small', 224, 1000, {}, 34_870_216),
    ('base', 224, 1000, {}, 51_472_744),
    ('large', 224, 1000, dict(dim_mul_in_attention=False), 217_992_952),
    ('large', 224, 1000, {}, 213_635_368),
    ('base', 384, 1000, {}, 51_599_464),
    ('large', 384, 1000, {}, 213_806_728),
    ('large', 384, 1000, dict(dim_mul_in_attention=False), 218_164_312),
    ('base', 224, 1000, dict(with_cls_token=True), 51_472_840),
    ('base', 224, 19168, dict(with_cls_token=True), 65_444_032),
    ('large', 224, 1000, dict(with_cls_token=True), 213_635_512),
    ('large', 224, 19168, dict(with_cls_token=True), 234_583_216),
    ('large', 384, 1000, dict(with_cls_token=True), 213_806_872),
    ('huge', 224, 1000, dict(with_cls_token=True), 666_879_912),
    ('huge', 224, 19168, dict(with_cls_token=True), 694_804_128),
    ('huge', 384, 1000, dict(with_cls_token=True), 667_129_512),
    ('huge', 512, 1000, dict(with_cls_token=True), 667_329_192),
    ('small', (16, 224, 224), 400, {}, 34_537_744),
    ('base', (32, 224, 224), 400, {}, 51_230_128),
    ('large', (40, 312, 312), 400, {}, 213_390_112),
    ('base', (32, 224, 224), 600, {}, 51_383_928),
    ('base', (32, 224, 224), 700, {}, 51_460_828),
    ('large', (40, 312, 312), 700, {}, 213_736_012),
    ('small', (16, 224, 224), 174, {}, 34_363_950),
    ('base', (32, 224, 224), 174, {}, 51_056_334),
    ('large', (40, 312, 312), 174, {}, 213_129_534),
    ('small', (16, 224, 224), 400, dict(dim_mul_in_attention=False), 36_475_120),
    ('large', (16, 224, 224), 400, dict(dim_mul_in_attention=False), 217_578_064),
    ('small', (16, 224, 224), 80, {}, 34_291_664),
    ('base', (32, 224, 224), 80, {}, 50_984_048),
    ('large', (40, 312, 312), 80, {}, 213_021_152),
]


def build(arch, *args, **kwargs):
    with torch.device('meta'):
        return MViTv2(arch, *args, **kwargs)


def count(model):
    return sum(param.numel() for param in model.parameters())


@pytest.mark.parametrize('arch, size, classes, options, wanted', CLASSIFIERS)
def test_classifiers(arch, size, classes, options, wanted):
    model = build(arch, size, **options)
    dims = model.block_specs[-1].out_dims
    assert count(model) + (dims + 1) * classes == wanted


@pytest.mark.parametrize('arch, wanted', DETECTORS.items())
def test_detection_backbones(arch, wanted):
    assert count(build(arch, out_scales=(0, 1, 2, 3), window_size=56)) == wanted


@pytest.mark.parametrize('arch, downscale, dim_mul, wanted', [
    ('small', [1, 3], [1, 3, 14], 36_253_356),
    ('large', [2, 8], [2, 8, 44], 217_247_580),
])
def test_maskfeat_pretraining(arch, downscale, dim_mul, wanted):
    """The last stage keeps its grid but widens; a mask token and 108 predictions are added."""
    size = vars(build(arch).arch)
    arch = {**size, 'downscale_indices': downscale, 'dim_mul_indices': dim_mul}
    model = build(arch, (16, 224, 224), dim_mul_in_attention=False)
    dims = model.block_specs[-1].out_dims
    assert count(model) + size['embed_dims'] + (dims + 1) * 108 == wanted


# At 224: stage 1, first of stage 2, rest, first of stage 3, rest, first of stage 4, rest
@pytest.mark.parametrize('size, wanted', [
    (224, (111, 55, 55, 55, 27, 27, 13)),
    ((16, 224, 224), (111, 55, 55, 27, 27, 27, 13)),
    ((40, 312, 312), (155, 77, 77, 37, 37, 37, 17)),
])
@pytest.mark.parametrize('arch', ['tiny', 'small', 'base', 'large', 'huge'])
def test_table_lengths(arch, size, wanted):
    model = build(arch, size)
    starts = (0, *model.arch.downscale_indices, model.arch.num_layers)
    for stage in range(4):
        first, *rest = model.blocks[starts[stage]:starts[stage + 1]]
        lengths = wanted[max(2 * stage - 1, 0)], wanted[2 * stage]
        for block, length in [(first, lengths[0]), *((block, lengths[1]) for block in rest)]:
            head_dim = block.attn.norm_q.weight.numel()
            assert block.attn.rel_pos_h.shape == (length, head_dim)
            assert block.attn.rel_pos_w.shape == (length, head_dim)
            if isinstance(size, tuple):
                assert block.attn.rel_pos_t.shape == (size[0] - 1, head_dim)


def test_tables_of_a_non_square_build_follow_each_axis():
    attn = build('tiny', (8, 224, 320)).blocks[0].attn
    assert [len(table) for table in attn.rel_pos] == [7, 111, 159]


# What one block of every preset stores; a rename breaks published checkpoints.
BLOCK_KEYS = {
    'attn.norm_k.bias', 'attn.norm_k.weight', 'attn.norm_q.bias', 'attn.norm_q.weight',
    'attn.norm_v.bias', 'attn.norm_v.weight', 'attn.pool_k.weight', 'attn.pool_q.weight',
    'attn.pool_v.weight', 'attn.proj.bias', 'attn.proj.weight', 'attn.qkv.bias', 'attn.qkv.weight',
    'attn.rel_pos_h', 'attn.rel_pos_w', 'mlp.fc1.bias', 'mlp.fc1.weight', 'mlp.fc2.bias',
    'mlp.fc2.weight', 'norm1.bias', 'norm1.weight', 'norm2.bias', 'norm2.weight'
}


@pytest.mark.parametrize('size', [224, (16, 224, 224)])
@pytest.mark.parametrize('arch', ['tiny', 'small', 'base', 'large', 'huge'])
def test_key_snapshot(arch, size):
    model = build(arch, size)
    wanted = {f'blocks.{i}.{key}' for i in range(model.arch.num_layers) for key in BLOCK_KEYS}
    wanted |= {'patch_embed.projection.weight', 'patch_embed.projection.bias'}
    wanted |= {'norm3.weight', 'norm3.bias'}
    for i in model.arch.downscale_indices:
        wanted |= {f'blocks.{i}.proj.weight', f'blocks.{i}.proj.bias'}
    if isinstance(size, tuple):
        wanted |= {f'blocks.{i}.attn.rel_pos_t' for i in range(model.arch.num_layers)}
        wanted.add('cls_token')
    assert set(model.state_dict()) == wanted
