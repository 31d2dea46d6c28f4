"""Every image recipe against a table transcribed from the paper and the official code."""
import re
from pathlib import Path
from unittest.mock import patch

import cv2
import harness
import numpy as np
import pytest
import synthetic_data
import torch
import torchvision.transforms.v2 as tv
from classification_recipes import RECIPES, VARIANTS
from mmengine.config import Config
from mmengine.registry import MODELS, TRANSFORMS, init_default_scope
from mmengine.runner import Runner, load_checkpoint
from mmengine.utils import get_installed_path
from PIL import Image

from mvitv2_mm.checkpoints.zoo import ZOO
from mvitv2_mm.datasets import ImageRandAugment, LoadImage
from mvitv2_mm.datasets.mmpretrain.picture_steps import RandomResizedCrop

name, cfg, recipe = harness.recipe_fixtures('classification', RECIPES)


def shrink(cfg):
    # without drop path, so that a step reaches every parameter
    cfg.model.backbone.update(arch=harness.SMALL, drop_path_rate=0., init_cfg=None)
    cfg.model.head.in_channels = 64
    return cfg


def test_every_config_has_a_recipe_here():
    assert harness.names('classification') == sorted([*RECIPES, *VARIANTS])


NAME = re.compile(r'mvitv2-(?P<arch>\w+?)(_in21k-pre)?_(?P<gpus>\d+)xb(?P<batch>\d+)'
                  r'_(?P<data>in1k|in21k)(-(?P<size>\d+)px)?')


def test_name_agrees_with_body(name, cfg, recipe):
    match = NAME.fullmatch(name)
    assert match['arch'] == cfg.model.backbone.arch == recipe['arch']
    assert int(match['batch']) == cfg.train_dataloader.batch_size
    assert int(match['gpus']) * int(match['batch']) == recipe['batch']
    assert cfg.auto_scale_lr.base_batch_size == recipe['batch']
    assert int(match['size'] or 224) == cfg.model.backbone.get('input_size', 224) == recipe['size']
    assert (match['data'] == 'in21k') == (recipe['num_classes'] == 19168)
    assert cfg.train_dataloader.dataset.type == dict(
        in1k='mvitv2_mm.ImageNet', in21k='mvitv2_mm.ImageNet21k')[match['data']]
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.type == 'mvitv2_mm.ImageNet'


def test_model(cfg, recipe):
    backbone, head = cfg.model.backbone, cfg.model.head
    assert backbone.drop_path_rate == recipe['drop_path']
    assert (head.num_classes, head.loss.label_smooth_val) == (recipe['num_classes'], 0.1)
    model = harness.full_model(cfg)
    assert harness.num_params(model) == recipe['params']
    rates = harness.drop_path_rates(model.backbone)
    assert rates == pytest.approx(torch.linspace(0, recipe['drop_path'], len(rates)).tolist())
    assert model.backbone.with_cls_token == recipe['cls_token']
    assert model.backbone.out_type == ('cls_token' if recipe['cls_token'] else 'avg_featmap')
    head = MODELS.build(shrink(cfg).model.head)
    head.init_weights()
    assert head.fc.weight.std().item() == pytest.approx(0.02, rel=0.03)
    assert not head.fc.bias.any()


def test_start(cfg, recipe, tmp_path):
    """The weights come from the right recipe, and all but a new classifier fit."""
    init = cfg.model.backbone.get('init_cfg') or {}
    assert (cfg.load_from, init.get('checkpoint')) == (recipe['load_from'], recipe['init'])
    checkpoint = recipe['load_from'] or recipe['init']
    if not checkpoint:
        return
    path = Path(checkpoint)
    start = path.parent.name if path.suffix else ZOO[checkpoint].config
    assert RECIPES[start]['arch'] == recipe['arch']
    assert not path.suffix or path.stem == f'epoch_{RECIPES[start]["epochs"]}'

    saved = MODELS.build(shrink(harness.load('classification', start)).model)
    saved.init_weights()
    torch.save(dict(state_dict=saved.state_dict()), tmp_path / 'start.pth')
    shrink(cfg)
    if recipe['init']:
        cfg.model.backbone.init_cfg = dict(init, checkpoint=str(tmp_path / 'start.pth'))
    model = MODELS.build(cfg.model)
    model.init_weights()
    if recipe['load_from']:
        load_checkpoint(model, str(tmp_path / 'start.pth'))
    expected, actual = saved.state_dict(), model.state_dict()
    taken = {name for name in actual if torch.equal(actual[name], expected[name])}
    tables = {name for name in actual if 'rel_pos' in name}
    classifier = {'head.fc.weight', 'head.fc.bias'} if recipe['init'] else set()
    assert set(actual) - taken - classifier <= tables
    assert tables <= taken or recipe['size'] > 224
    for name in tables - taken:
        assert len(actual[name]) > len(expected[name])
        torch.testing.assert_close(actual[name][[0, -1]], expected[name][[0, -1]])


def test_preprocessor(cfg, recipe):
    preprocessor = MODELS.build(shrink(cfg).model).data_preprocessor
    mean, std = preprocessor.mean.view(3), preprocessor.std.view(3)
    torch.testing.assert_close(mean / 255, torch.tensor([0.485, 0.456, 0.406]))
    torch.testing.assert_close(std / 255, torch.tensor([0.229, 0.224, 0.225]))
    assert preprocessor.to_rgb
    assert preprocessor.num_classes == recipe['num_classes']
    assert preprocessor.batch_augments.probs is None
    augment, = preprocessor.batch_augments.augments
    assert vars(augment) == dict(
        erase_prob=0.25,
        mix_prob=recipe['mix_prob'],
        switch_prob=0.5,
        mixup_alpha=0.8,
        cutmix_alpha=1.)


def test_optimizer(cfg, recipe):
    model = MODELS.build(shrink(cfg).model)
    decay = harness.decay_per_parameter(cfg, model)
    for name, param in model.named_parameters():
        expected = 0 if param.ndim == 1 else recipe['optimizer']['weight_decay']
        assert decay[name] == expected, name
    assert decay['backbone.blocks.0.attn.rel_pos_h'] > 0
    assert decay.get('backbone.cls_token', 1) > 0
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.type == recipe['optimizer']['type']
    kwargs = {key: value for key, value in optimizer.items() if key != 'type'}
    defaults = getattr(torch.optim, optimizer.type)([torch.zeros(1)], **kwargs).defaults
    assert dict(defaults, **recipe['optimizer']) == dict(defaults, type=optimizer.type)
    assert cfg.optim_wrapper.clip_grad == dict(max_norm=1.)
    assert cfg.optim_wrapper.type == 'OptimWrapper'  # no mixed precision
    assert cfg.optim_wrapper.get('accumulative_counts', 1) == 1


def test_learning_rate(cfg, recipe):
    assert cfg.train_cfg.max_epochs == recipe['epochs']
    # long epochs make the first and the last iteration come near the ends
    epoch_length = 12000 // recipe['epochs']
    lrs = harness.lr_per_step(cfg, recipe['epochs'] * epoch_length, epoch_length)
    for epoch, lr in recipe['lr'].items():
        step = min(int(epoch * epoch_length), len(lrs) - 1)
        assert lrs[step] == pytest.approx(lr, rel=1e-3), epoch
    # it changes with every iteration
    assert all(first != second for first, second in zip(lrs[10:200], lrs[11:]))


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
    load, crop, flip, augment, pack = [TRANSFORMS.build(step) for step in pipeline]
    assert type(load) is LoadImage and type(crop) is RandomResizedCrop
    assert pack.input_key == 'img'
    assert crop.scale == (recipe['size'], ) * 2
    assert crop.crop_ratio_range == (0.08, 1.)
    assert crop.aspect_ratio_range == pytest.approx((3 / 4, 4 / 3))
    assert crop.interpolation == 'bicubic'
    assert (flip.prob, flip.direction) == (0.5, 'horizontal')
    # rand-m9-n6-mstd0.5-inc1, the mean in RGB
    assert vars(augment) == dict(
        magnitude=9, num_ops=6, magnitude_std=0.5, prob=0.5, fill=[124, 116, 104])
    assert type(augment) is ImageRandAugment


@pytest.fixture(scope='module')
def photo(tmp_path_factory):
    """A JPEG of odd size."""
    path = tmp_path_factory.mktemp('photo') / 'photo.jpg'
    cv2.imwrite(str(path), synthetic_data.make_image(0, (301, 450)))
    return path


def view(pipeline, path):
    results = dict(img_path=str(path))
    for step in pipeline:
        results = TRANSFORMS.build(step)(results)
    return results['inputs']


def test_evaluation_view_is_that_of_torchvision(cfg, recipe, photo):
    assert cfg.test_evaluator == cfg.val_evaluator == dict(type='Accuracy', topk=(1, 5))
    assert cfg.test_dataloader == cfg.val_dataloader
    inputs = view(cfg.test_dataloader.dataset.pipeline, photo)
    official = tv.Compose([
        tv.Resize(recipe['resize'], tv.InterpolationMode.BICUBIC),
        tv.CenterCrop(recipe['size']),
        tv.PILToTensor()
    ])
    assert torch.equal(inputs.flip(0), official(Image.open(photo)))


@pytest.mark.parametrize('name', VARIANTS, indirect=True)
def test_variants_differ_in_one_part(name):
    recipe, part = VARIANTS[name]
    cfg, base = (harness.load('classification', n).to_dict() for n in (name, recipe))
    differ = {key for key in cfg if cfg[key] != base.get(key)}
    assert part in differ <= {part, 'val_dataloader', 'test_pipeline'}


@pytest.mark.parametrize('name', [name for name in VARIANTS if 'full' in name], indirect=True)
def test_full_crop_is_that_of_torchvision(name, cfg, photo):
    size = RECIPES[VARIANTS[name][0]]['size']
    official = tv.Compose([tv.Resize((size, size), tv.InterpolationMode.BICUBIC), tv.PILToTensor()])
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        inputs = view(loader.dataset.pipeline, photo)
        assert torch.equal(inputs.flip(0), official(Image.open(photo)))


def test_repeated_augmentation(tmp_path):
    """Over two GPUs every image comes three times, and epochs keep their length."""
    cfg = harness.load('classification', 'mvitv2-tiny_8xb256-repeat-aug_in1k')
    root = synthetic_data.make_imagenet(tmp_path / 'imagenet', images_per_class=3)
    cfg.train_dataloader.dataset.data_root = root
    order = []
    for rank in range(2):
        with patch('mmpretrain.datasets.samplers.repeat_aug.get_dist_info', lambda: (rank, 2)):
            loader = {**cfg.train_dataloader, 'num_workers': 0}
            batches = Runner.build_dataloader({**loader, 'batch_size': 3}, seed=0)
            order.append(list(batches.sampler))
    assert [len(indices) for indices in order] == [3, 3]  # of 6 images
    turns = [index for pair in zip(*order) for index in pair]
    assert turns[:3] == turns[:1] * 3 and turns[3:] == turns[3:4] * 3 and turns[0] != turns[3]
    # the copies are augmented differently
    dataset = batches.dataset
    first, second = (dataset[turns[0]]['inputs'] for _ in range(2))
    assert not torch.equal(first, second)


def test_only_the_first_classes_are_predicted():
    init_default_scope('mmpretrain')
    head = MODELS.build(
        dict(type='mvitv2_mm.FirstClassesHead', num_classes=6, num_eval_classes=4, in_channels=6))
    with torch.no_grad():
        head.fc.weight.copy_(torch.eye(6))
        head.fc.bias.zero_()
    scores = torch.tensor([[0., 2., 1., 0., 9., 0.], [3., 0., 0., 1., 0., 9.]])
    predicted = head.predict((scores, ))
    assert [int(sample.pred_label) for sample in predicted] == [1, 0]
    torch.testing.assert_close(
        torch.stack([sample.pred_score for sample in predicted]), scores[:, :4].softmax(1))
    samples = [sample.set_gt_label(5) for sample in predicted]  # all can be learnt
    assert head.loss((scores, ), samples)['loss'] > 0


# with a class token, nothing reads what the patches of the last block become
UNREAD = {f'backbone.blocks.3.attn.{name}' for name in ('rel_pos_h', 'rel_pos_w', 'pool_q.weight')}


def test_a_training_step_and_a_test_step(cfg, recipe, tmp_path):
    labels = [0, recipe['num_classes'] - 1]
    for loop, classes in ('train', labels), ('test', [0, 999]):
        cfg[f'{loop}_dataloader'].dataset.data_root = synthetic_data.make_imagenet(
            tmp_path / loop, images_per_class=1, labels=classes)
    model = MODELS.build(shrink(cfg).model)
    model.init_weights()
    batch = harness.first_batch(cfg.train_dataloader, batch_size=2)
    assert batch['inputs'].shape == (2, 3, recipe['size'], recipe['size'])
    assert sorted(int(sample.gt_label) for sample in batch['data_samples']) == labels
    loss, unchanged = harness.train_step(cfg, model, batch)
    assert loss == pytest.approx(np.log(recipe['num_classes']), abs=1)
    assert set(unchanged) <= (UNREAD if recipe['cls_token'] else set())
    metrics = harness.test_step(cfg, model, harness.first_batch(cfg.test_dataloader))
    assert set(metrics) == {'accuracy/top1', 'accuracy/top5'}
    prediction = model.test_step(harness.first_batch(cfg.test_dataloader))[0]
    assert prediction.pred_score.shape == (1000, )
