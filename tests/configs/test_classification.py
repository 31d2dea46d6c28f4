"""Every image recipe against a table transcribed from the paper and the official code."""
import re

import cv2
import harness
import pytest
import synthetic_data
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, TRANSFORMS, init_default_scope
from mmengine.utils import get_installed_path

# 300 epochs from scratch
SCRATCH = dict(
    size=224,
    resize=256,
    optimizer=dict(type='AdamW', lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05),
    batch=2048,
    epochs=300,
    # epoch: learning rate; the warm-up ends at 70, the cosine is half way at 185
    lr={
        0: 8e-8,
        35: 1.00004e-3,
        70: 2e-3,
        185: 1.004e-3,
        300: 8e-6
    },
    clip_grad=dict(max_norm=1.),
    num_classes=1000,
    smoothing=0.1,
    mix=[('Mixup', 0.8), ('CutMix', 1.)])

RECIPES = {
    'mvitv2-tiny_8xb256_in1k': dict(SCRATCH, arch='tiny', drop_path=0.1, params=24_173_320),
}


@pytest.fixture(params=RECIPES)
def name(request):
    return request.param


@pytest.fixture
def cfg(name):
    return harness.load('classification', name)


@pytest.fixture
def recipe(name):
    return RECIPES[name]


def shrink(cfg):
    cfg.model.backbone.arch = harness.SMALL
    cfg.model.head.in_channels = 64
    return cfg


def test_every_config_has_a_recipe_here():
    assert harness.names('classification') == sorted(RECIPES)


def test_leaves_state_only_what_differs(name):
    text = (harness.CONFIGS / 'classification' / f'{name}.py').read_text()
    assert len(text.splitlines()) <= 15


def test_name_agrees_with_body(name, cfg, recipe):
    match = re.fullmatch(r'mvitv2-(?P<arch>\w+)_(?P<gpus>\d+)xb(?P<batch>\d+)_in1k', name)
    assert match['arch'] == cfg.model.backbone.arch == recipe['arch']
    assert int(match['batch']) == cfg.train_dataloader.batch_size
    assert int(match['gpus']) * int(match['batch']) == recipe['batch']
    assert cfg.auto_scale_lr.base_batch_size == recipe['batch']


def test_model(cfg, recipe):
    backbone, head = cfg.model.backbone, cfg.model.head
    assert backbone.drop_path_rate == recipe['drop_path']
    assert (head.num_classes, head.loss.label_smooth_val) == (recipe['num_classes'],
                                                              recipe['smoothing'])
    model = harness.full_model(cfg)
    assert harness.num_params(model) == recipe['params']
    rates = harness.drop_path_rates(model.backbone)
    assert rates == pytest.approx(torch.linspace(0, recipe['drop_path'], len(rates)).tolist())
    head = MODELS.build(shrink(cfg).model.head)
    head.init_weights()
    assert head.fc.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert not head.fc.bias.any()


def test_preprocessor(cfg, recipe):
    preprocessor = MODELS.build(shrink(cfg).model).data_preprocessor
    mean, std = preprocessor.mean.view(3), preprocessor.std.view(3)
    torch.testing.assert_close(mean / 255, torch.tensor([0.485, 0.456, 0.406]))
    torch.testing.assert_close(std / 255, torch.tensor([0.229, 0.224, 0.225]))
    assert preprocessor.to_rgb
    augments = cfg.model.train_cfg.augments
    assert [(augment.type, augment.alpha) for augment in augments] == recipe['mix']
    assert preprocessor.batch_augments.probs is None  # equally often, and always one of them


def test_optimizer(cfg, recipe):
    model = MODELS.build(shrink(cfg).model)
    decay = harness.decay_per_parameter(cfg, model)
    for name, param in model.named_parameters():
        expected = 0 if param.ndim == 1 else recipe['optimizer']['weight_decay']
        assert decay[name] == expected, name
    assert decay['backbone.blocks.0.attn.rel_pos_h'] > 0
    optimizer = cfg.optim_wrapper.optimizer
    defaults = getattr(torch.optim, optimizer.pop('type'))([torch.zeros(1)], **optimizer).defaults
    assert {
        key: defaults[key]
        for key in recipe['optimizer'] if key != 'type'
    } == {
        key: value
        for key, value in recipe['optimizer'].items() if key != 'type'
    }
    assert cfg.optim_wrapper.get('clip_grad') == recipe['clip_grad']
    assert cfg.optim_wrapper.type == 'OptimWrapper'  # no mixed precision


def test_learning_rate(cfg, recipe, epoch_length=40):
    assert cfg.train_cfg.max_epochs == recipe['epochs']
    lrs = harness.lr_per_step(cfg, recipe['epochs'] * epoch_length, epoch_length)
    for epoch, lr in recipe['lr'].items():
        step = min(epoch * epoch_length, len(lrs) - 1)
        assert lrs[step] == pytest.approx(lr, rel=1e-3), epoch
    # it changes with every iteration
    assert all(first != second for first, second in zip(lrs[:200], lrs[1:]))


def test_the_hosts_recipe_fails_the_table():
    """Its learning rate is 8 times too small, and position tables are not decayed."""
    recipe = RECIPES['mvitv2-tiny_8xb256_in1k']
    cfg = Config.fromfile(
        get_installed_path('mmpretrain') + '/.mim/configs/mvit/mvitv2-tiny_8xb256_in1k.py')
    init_default_scope('mmpretrain')
    assert harness.lr_per_step(cfg, 71, 1)[70] == pytest.approx(recipe['lr'][70] / 8)
    cfg.model.backbone.arch = dict(harness.SMALL)
    decay = harness.decay_per_parameter(cfg, MODELS.build(cfg.model))
    assert decay['backbone.blocks.0.attn.rel_pos_h'] == 0
    assert cfg.optim_wrapper.optimizer.weight_decay != recipe['optimizer']['weight_decay']


def test_training_augmentation(cfg, recipe):
    pipeline = cfg.train_dataloader.dataset.pipeline
    crop, flip, augment, erase = [TRANSFORMS.build(step) for step in pipeline[1:-1]]
    assert [pipeline[0].type, pipeline[-1].type] == ['LoadImageFromFile', 'PackInputs']
    assert crop.scale == (recipe['size'], ) * 2
    assert crop.crop_ratio_range == (0.08, 1.)
    assert crop.aspect_ratio_range == pytest.approx((3 / 4, 4 / 3))
    assert (crop.backend, crop.interpolation) == ('pillow', 'bicubic')
    assert (flip.prob, flip.direction) == (0.5, 'horizontal')
    # rand-m9-n6-mstd0.5-inc1
    assert (augment.magnitude_level, augment.num_policies, augment.magnitude_std,
            augment.total_level) == (9, 6, 0.5, 10)
    assert len(augment.transforms) == 15 and all(op.prob == 0.5 for op in augment.transforms)
    warps = [op for op in augment.transforms if hasattr(op, 'interpolation')]
    assert len(warps) == 5
    # BGR, the mean rounded
    assert all((op.pad_val, op.interpolation) == ((104, 116, 124), 'bicubic') for op in warps)
    assert erase.erase_prob == 0.25 and erase.mode == 'rand'
    assert (erase.min_area_ratio, erase.max_area_ratio) == (0.02, 1 / 3)
    assert erase.aspect_range == pytest.approx((0.3, 1 / 0.3))
    mean, std = (list(cfg.model.data_preprocessor[key])[::-1] for key in ('mean', 'std'))
    assert (list(erase.fill_color), list(erase.fill_std)) == (mean, std)


def test_evaluation_view(cfg, recipe, tmp_path):
    path = tmp_path / 'image.png'
    image = synthetic_data.make_image(0, (300, 400))
    cv2.imwrite(str(path), image)
    results = dict(img_path=str(path))
    for step in cfg.test_dataloader.dataset.pipeline:
        results = TRANSFORMS.build(step)(results)
    size, resize = recipe['size'], recipe['resize']
    assert results['inputs'].shape == (3, size, size)
    view = cfg.test_dataloader.dataset.pipeline
    assert (view[1].scale, view[1].edge, view[1].backend,
            view[1].interpolation) == (resize, 'short', 'pillow', 'bicubic')
    assert cfg.test_evaluator == dict(type='Accuracy', topk=(1, 5))


def test_a_training_step_and_a_test_step(cfg, recipe, tmp_path):
    root = synthetic_data.make_imagenet(tmp_path / 'imagenet')
    for loop in ('train', 'test'):
        cfg[f'{loop}_dataloader'].dataset.data_root = root
    model = MODELS.build(shrink(cfg).model)
    model.init_weights()
    batch = harness.first_batch(cfg.train_dataloader, batch_size=4)
    assert batch['inputs'].shape == (4, 3, recipe['size'], recipe['size'])
    assert sorted(int(sample.gt_label) for sample in batch['data_samples']) == [0, 0, 999, 999]
    loss, unchanged = harness.train_step(cfg, model, batch)
    assert loss == pytest.approx(6.9, abs=1)  # ln 1000
    assert not unchanged
    batch = harness.first_batch(cfg.test_dataloader)
    metrics = harness.test_step(cfg, model, batch)
    assert set(metrics) == {'accuracy/top1', 'accuracy/top5'}
