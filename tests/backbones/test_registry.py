"""Builds inside every host with the host's own scope, and brings in no host by itself."""
import subprocess
import sys

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from parity import ARCH

from mvitv2_mm import MViTv2
from mvitv2_mm.registry import MODELS as OUR_MODELS

HOSTS = ('mmpretrain', 'mmdet', 'mmaction')
BACKBONE = dict(type='mvitv2_mm.MViTv2', arch=ARCH, input_size=32)


def test_registered_in_a_child_of_mmengine():
    assert OUR_MODELS.scope == 'mvitv2_mm'
    assert OUR_MODELS.parent is MODELS
    assert OUR_MODELS.get('MViTv2') is MViTv2
    assert MODELS.get('mvitv2_mm.MViTv2') is MViTv2


@pytest.mark.parametrize('scope', HOSTS)
def test_builds_under_the_default_scope_of(scope):
    pytest.importorskip(scope)
    init_default_scope(scope)
    assert DefaultScope.get_current_instance().scope_name == scope
    assert type(MODELS.build(BACKBONE)) is MViTv2


def test_inside_an_image_classifier():
    registry = pytest.importorskip('mmpretrain.registry')
    init_default_scope('mmpretrain')
    model = registry.MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=BACKBONE,
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', in_channels=64, num_classes=5)))
    model.init_weights()
    model.eval()
    x = torch.randn(2, 3, 32, 32)
    scores = model.head(model.extract_feat(x))
    torch.testing.assert_close(scores, model.head.fc(model.backbone(x)[0].mean((2, 3))))


def test_inside_a_detector():
    registry = pytest.importorskip('mmdet.registry')
    init_default_scope('mmdet')
    neck = dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, num_outs=5)
    backbone = registry.MODELS.build({**BACKBONE, 'out_scales': (0, 1, 2, 3), 'window_size': 8})
    maps = registry.MODELS.build(neck)(backbone(torch.randn(1, 3, 64, 96)))
    assert [tuple(feat.shape[2:]) for feat in maps] == [(16, 24), (8, 12), (4, 6), (2, 3), (1, 2)]


@pytest.mark.parametrize('with_cls', [True, False])
def test_inside_a_recogniser(with_cls):
    registry = pytest.importorskip('mmaction.registry')
    init_default_scope('mmaction')
    model = registry.MODELS.build(
        dict(
            type='Recognizer3D',
            backbone={
                **BACKBONE, 'input_size': (4, 32, 32),
                'out_type': 'featmap_and_cls_token' if with_cls else 'featmap'
            },
            cls_head=dict(type='MViTHead', in_channels=64, num_classes=5, with_cls_token=with_cls)))
    model.init_weights()
    model.eval()
    x = torch.randn(2, 3, 4, 32, 32)
    scores = model.cls_head(model.extract_feat(x[:, None], test_mode=True)[0])
    out = model.backbone(x)[-1]
    pooled = out[1] if with_cls else out.mean((2, 3, 4))
    torch.testing.assert_close(scores, model.cls_head.fc_cls(pooled))


LAZY = f'''
import sys
import mvitv2_mm
hosts = [name for name in {HOSTS} if name in sys.modules]
assert not hosts, f'import mvitv2_mm imports {{hosts}}'
from mmengine.registry import MODELS
MODELS.build({BACKBONE})
hosts = [name for name in {HOSTS} if name in sys.modules]
assert not hosts, f'building the backbone imports {{hosts}}'
import mmpretrain
assert 'mmpretrain' in sys.modules
'''


def test_hosts_are_imported_only_when_used():
    result = subprocess.run([sys.executable, '-W', 'ignore', '-c', LAZY],
                            capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stderr[-600:]


@pytest.mark.parametrize('name, depth', [('backbone.cls_token', 0), ('backbone.pos_embed', 0),
                                         ('backbone.patch_embed.projection.weight', 0),
                                         ('backbone.blocks.0.norm1.weight', 1),
                                         ('backbone.blocks.5.attn.rel_pos_h', 6),
                                         ('backbone.norm3.weight', 7), ('head.fc.weight', 7)])
def test_layer_depth(name, depth):
    assert MViTv2(ARCH, 32).get_layer_depth(name, 'backbone.') == (depth, 8)
    if name.startswith('backbone.'):
        assert MViTv2(ARCH, 32).get_layer_depth(name[9:]) == (depth, 8)


def test_layer_decay_of_mmpretrain():
    """Learning rates that mmpretrain's constructor gives, against the formula."""
    pytest.importorskip('mmpretrain')
    from mmpretrain.engine.optimizers import LearningRateDecayOptimWrapperConstructor
    from mmpretrain.registry import MODELS as HOST_MODELS
    init_default_scope('mmpretrain')
    model = HOST_MODELS.build(
        dict(
            type='ImageClassifier',
            backbone={
                **BACKBONE, 'with_cls_token': True,
                'out_type': 'cls_token'
            },
            head=dict(type='LinearClsHead', in_channels=64, num_classes=5)))
    optimizer = LearningRateDecayOptimWrapperConstructor(
        dict(optimizer=dict(type='SGD', lr=1., weight_decay=0.1)),
        dict(layer_decay_rate=0.5))(model).optimizer
    names = {param: name for name, param in model.named_parameters()}
    rates = {names[group['params'][0]]: group['lr'] for group in optimizer.param_groups}
    assert rates.keys() == set(names.values())
    for name, rate in rates.items():
        part = name.split('.')
        depth = int(part[2]) + 1 if part[1] == 'blocks' else 7
        if part[1] in ('patch_embed', 'cls_token'):
            depth = 0
        assert rate == 0.5**(7 - depth), name


def test_layer_depth_agrees_with_mmaction2():
    host = pytest.importorskip('mmaction.engine.optimizers.layer_decay_optim_wrapper_constructor')
    model = MViTv2(ARCH, (4, 32, 32), use_abs_pos_embed=True)
    for name in [f'backbone.{name}' for name, _ in model.named_parameters()] + ['cls_head.fc.bias']:
        depth, num_depths = model.get_layer_depth(name, 'backbone.')
        assert depth == host.get_layer_id_for_mvit(name, num_depths - 2)
