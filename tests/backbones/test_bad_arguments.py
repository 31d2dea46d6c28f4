"""One clear line for each mistake: what was asked for, what is allowed."""
import pytest
import torch
from parity import ARCH

from mvitv2_mm import MViTv2


def arch(**changes):
    return {**ARCH, **changes}


@pytest.mark.parametrize(
    'kwargs, message', [
        (dict(arch='giant'),
         r'"arch" should be one of tiny, small, base, large, huge or a dict .* but got \'giant\''),
        (dict(arch=None), r'"arch" should be one of tiny, .* but got None'),
        (dict(arch=dict(embed_dims=96, num_layers=10)),
         r"needs the keys embed_dims, .*missing \['num_heads', 'downscale_indices'\], unknown \[\]"
         ),
        (dict(arch=arch(embed_dim=8)), r"missing \[\], unknown \['embed_dim'\]"),
        (dict(arch=arch(downscale_indices=[1, 3, 6])),
         r'"downscale_indices" should be increasing block indices between 1 and num_layers - 1 = '
         r'5, but got \[1, 3, 6\]'),
        (dict(arch=arch(downscale_indices=[3, 1])), r'"downscale_indices" should be increasing'),
        (dict(arch=arch(downscale_indices=[0, 3])), r'"downscale_indices" should .* between 1'),
        (dict(arch=arch(downscale_indices=[1, 1, 3])), r'"downscale_indices" should be increasing'),
        (dict(arch=arch(dim_mul_indices=[1, 9])),
         r'"dim_mul_indices" should be .* but got \[1, 9\]'),
        (dict(arch=arch(num_heads=3)),
         r'block 0 has 8 attention channels, not divisible by its 3 heads; change "embed_dims"'),
        (dict(arch=ARCH, head_mul=3), r'block 1 has 16 attention channels, not divisible by its 3'),
        (dict(arch=ARCH, out_scales=4),
         r'"out_scales" should hold indices between -4 and 3 \(the arch has 4 scales\), but got 4'),
        (dict(arch=ARCH, out_scales=[0, 4]), r'"out_scales" .* but got \[0, 4\]'),
        (dict(arch=ARCH, out_scales=-5), r'"out_scales" .* but got -5'),
        (dict(arch=ARCH, out_scales=()), r'"out_scales" .* but got \(\)'),
        (dict(arch=ARCH, out_scales=[3.]), r'"out_scales" .* but got \[3.0\]'),
        (dict(arch=ARCH, out_scales=None), r'"out_scales" .* but got None'),
        (dict(input_size=(224, )),
         r'"input_size" should be an int or \(H, W\) for images, \(T, H, W\)'),
        (dict(input_size=(2, 3, 16, 16)), r'"input_size" should be .* but got \(2, 3, 16, 16\)'),
        (dict(input_size=(0, 224)), r'"input_size" should be .* but got \(0, 224\)'),
        (dict(input_size=224.), r'"input_size" should be .* but got 224.0'),
        (dict(input_size=(16, 224, '224')), r'"input_size" should be .*'),
        (dict(arch=ARCH, input_size=8), r'"input_size" is too small: block 4 .* grid \(0, 0\)'),
        (dict(adaptive_kv_stride=(1, 8, 8)),
         r'"adaptive_kv_stride" should be an int or 2 ints \(H, W\), but got \(1, 8, 8\)'),
        (dict(input_size=(16, 224, 224), adaptive_kv_stride=(4, 4)),
         r'"adaptive_kv_stride" should be an int or 3 ints \(T, H, W\), but got \(4, 4\)'),
        (dict(pool_kernel=(3, 3, 3)), r'"pool_kernel" should be an int or 2 ints \(H, W\)'),
        (dict(pool_kernel=2), r'"pool_kernel" should be odd on every axis, but got 2'),
        (dict(patch_cfg=dict(kernel_size=(3, 7, 7))),
         r'"patch_cfg.kernel_size" should be .* 2 ints'),
        (dict(patch_cfg=dict(kernel=7)),
         r'"patch_cfg" may hold kernel_size, stride, padding, but got kernel'),
        (dict(input_size=(16, 224, 224), window_size=56),
         r'"window_size" needs 2D input without class token, but input_size is \(16, 224, 224\)'),
        (dict(with_cls_token=True, window_size=56),
         r'"window_size" needs 2D input without class token, .* with_cls_token is True'),
        (dict(window_size=7), r'the window of block 0 \(7 tokens\) is not divisible by its strides '
         r'\(1, 1\) and \(4, 4\); choose'),
        (dict(window_size=4), r'the window of block 21 \(1 tokens\) is not divisible'),
        (dict(window_size=0), r'"window_size" should be a positive number of tokens, or None'),
        (dict(window_size=(56, 56)), r'"window_size" should be .* but got \(56, 56\)'),
        (dict(arch=ARCH,
              frozen_stages=5), r'"frozen_stages" should be between -1 and 4, but got 5'),
        (dict(arch=ARCH,
              frozen_stages=-2), r'"frozen_stages" should be between -1 and 4, but got -2'),
        (dict(arch=ARCH, with_cp=2),
         r'"with_cp" should be True, False, "cheap", a sequence of stages between 0 and 3, or '
         r'dict\(blocks=...\) with a sequence of blocks between 0 and 5, but got 2'),
        (dict(arch=ARCH, with_cp='all'), r'"with_cp" should be .* but got all'),
        (dict(arch=ARCH, with_cp=None), r'"with_cp" should be .* but got None'),
        (dict(arch=ARCH, with_cp=(0, 4)), r'"with_cp" should be .* but got \(0, 4\)'),
        (dict(arch=ARCH, with_cp=[-1]), r'"with_cp" should be .* but got \[-1\]'),
        (dict(arch=ARCH, with_cp=[True, True, False, False]),
         r'"with_cp" should be .* but got \[True, True, False, False\]'),
        (dict(arch=ARCH, with_cp=dict(blocks=6)), r'"with_cp" .* but got {\'blocks\': 6}'),
        (dict(arch=ARCH, with_cp=dict(blocks=[6])), r'"with_cp" .* but got {\'blocks\': \[6\]}'),
        (dict(arch=ARCH, with_cp=dict(stages=[0])), r'"with_cp" .* but got {\'stages\': \[0\]}'),
        (dict(out_type='pooled'),
         r'"out_type" should be one of .*avg_then_norm.* but got \'pooled\''),
        (dict(out_type='cls_token'),
         r"out_type='cls_token' needs a class token; set with_cls_token=True"),
        (dict(input_size=(16, 224, 224), with_cls_token=False, out_type='featmap_and_cls_token'),
         r"out_type='featmap_and_cls_token' needs a class token; set with_cls_token=True"),
    ],
    ids=str)
def test_construction(kwargs, message):
    with torch.device('meta'), pytest.raises(ValueError, match=message) as error:
        MViTv2(**kwargs)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('size, shape, message', [
    (32, (1, 3, 4, 32, 32), r'expected 4-D input for input_size=\(32, 32\), but got .*4, 32, 32\)'),
    ((4, 32, 32),
     (1, 3, 32, 32), r'expected 5-D input for input_size=\(4, 32, 32\), but got shape'),
    (32, (3, 32, 32), r'expected 4-D input .* but got shape \(3, 32, 32\)'),
])
def test_input_of_the_wrong_rank(size, shape, message):
    with pytest.raises(ValueError, match=message):
        MViTv2(ARCH, size)(torch.zeros(shape))


@pytest.mark.parametrize(
    'kwargs', [
        dict(arch='TINY'),
        dict(arch=dict(ARCH, dim_mul_indices=[1])),
        dict(window_size=56),
        dict(arch=ARCH, window_size=16),
        dict(input_size=[2, 64, 96]),
        dict(arch=ARCH, frozen_stages=4),
        dict(arch=ARCH, with_cp=(0, 3)),
        dict(arch=ARCH, with_cp=dict(blocks=[0, 5]))
    ],
    ids=str)
def test_neighbours_of_the_mistakes_build(kwargs):
    """Control: what is nearly wrong but allowed is not refused."""
    with torch.device('meta'):
        MViTv2(**kwargs)
