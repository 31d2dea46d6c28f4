"""``configs/_base_/fsdp.py`` mixes into the recipes of the large models."""
import harness
import pytest
import torch.nn as nn
from mmengine.config import Config
from mmengine.registry import FUNCTIONS

from mvitv2_mm import MViTv2

LARGE = [
    'classification/mvitv2-huge_in21k-pre_8xb8_in1k',
    'recognition/mvitv2-large-p244_in21k-pre_128xb1-40x3x1-30e_kinetics400-rgb-312px',
    'detection/cascade-mask-rcnn_mvitv2-huge-in21k_fpn_64xb1-amp-lsj-3x_coco',
    'action_detection/mvitv2-large-p244_in21k-k700-pre_64xb8-40x3x1-30e_ava22-rgb-312px',
]


@pytest.mark.parametrize('recipe', LARGE)
def test_only_the_runner_changes(recipe, tmp_path):
    bases = [str(harness.CONFIGS / f'{recipe}.py'), str(harness.CONFIGS / '_base_' / 'fsdp.py')]
    path = tmp_path / 'sharded.py'
    path.write_text(f'_base_ = {bases}\n')
    mixed, plain = Config.fromfile(path).to_dict(), Config.fromfile(bases[0]).to_dict()
    assert mixed.pop('runner_type') == 'FlexibleRunner'
    assert mixed.pop('strategy')['type'] == 'mvitv2_mm.FSDPStrategy'
    assert mixed == plain


def test_the_units_are_the_blocks():
    """Every block is one, nothing inside of it is, and torch is free to look everywhere."""
    policy = FUNCTIONS.get(
        Config.fromfile(harness.CONFIGS / '_base_/fsdp.py').strategy.model_wrapper.auto_wrap_policy)
    model = nn.Sequential(
        MViTv2(dict(embed_dims=8, num_layers=3, num_heads=1, downscale_indices=(1, 2)), 32))
    units = [
        name for name, module in model.named_modules()
        if policy(module=module, recurse=False, nonwrapped_numel=0)
    ]
    assert units == ['0.blocks.0', '0.blocks.1', '0.blocks.2']
    assert all(
        policy(module=module, recurse=True, nonwrapped_numel=0) for module in model.modules())
