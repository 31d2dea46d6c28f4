"""Every video recipe against the table in ``recognition_recipes.py``."""
import re
from pathlib import Path

import harness
import numpy as np
import pytest
import torch
from clip_configs import shrink_pipelines
from mmengine.registry import DATASETS, MODELS, TRANSFORMS
from recognition_data import make_kinetics, make_something
from recognition_recipes import RECIPES

from mvitv2_mm.checkpoints.zoo import ZOO

NAME = re.compile(r'mvitv2-(?P<arch>\w+)-p244(_(?P<pre>[\w-]+)-pre)?_(?P<gpus>\d+)xb(?P<batch>\d+)-'
                  r'(?P<clip>u\d+|\d+x\d+x1)-(?P<epochs>\d+)e_(?P<data>\w+)-rgb'
                  r'(-(?P<size>\d+)px)?')

name, cfg, recipe = harness.recipe_fixtures('recognition', RECIPES)


def shrink(cfg):
    """A net of two blocks on two frames of 32 x 32; the steps around it stay as configured."""
    backbone = cfg.model.backbone
    size = backbone.input_size[1]
    backbone.update(
        arch=dict(embed_dims=8, num_layers=2, num_heads=1, downscale_indices=[1]),
        input_size=(2, 32, 32),
        drop_path_rate=0.,  # every block learns in the one step
        init_cfg=None)
    cfg.model.cls_head.in_channels = 16
    shrink_pipelines(cfg, size, 32)
    return cfg


def find(pipeline, name):
    """The one transform of a pipeline whose type ends with ``name``, without its type."""
    found = [step for step in pipeline if re.search(rf'(^|\W|Clip){name}$', step.type)]
    assert len(found) <= 1
    return {k: v for k, v in found[0].items() if k != 'type'} if found else None


def test_every_config_has_a_recipe_here():
    assert harness.names('recognition') == sorted(RECIPES)


def test_name_agrees_with_body(name, cfg, recipe):
    match = NAME.fullmatch(name)
    assert match['arch'] == cfg.model.backbone.arch
    assert cfg.default_scope == 'mmaction'
    dataset = cfg.train_dataloader.dataset
    repeats = dataset.get('num_repeats', 1)
    assert int(match['batch']) == cfg.train_dataloader.batch_size * repeats
    assert int(match['gpus']) * int(match['batch']) == recipe['clips_per_step']
    assert cfg.auto_scale_lr.base_batch_size * repeats == recipe['clips_per_step']
    assert int(match['epochs']) == cfg.train_cfg.max_epochs
    assert match['data'] == recipe['data']
    assert int(match['size'] or 224) == cfg.model.backbone.input_size[1]
    sampler = dataset.pipeline[1]
    interval = sampler.get('frame_interval')
    clip = f'{sampler.clip_len}x{interval}x1' if interval else f'u{sampler.clip_len}'
    assert match['clip'] == clip


def test_initial_weights(name, cfg, recipe):
    init = cfg.model.backbone.get('init_cfg')
    pre = NAME.fullmatch(name)['pre']
    assert bool(pre) == bool(init) == bool(recipe['init'])
    if not init:
        return
    assert (init.type, init.prefix) == ('Pretrained', 'backbone.')
    match = re.fullmatch(r'work_dirs/(.+)/epoch_(\d+)\.pth', init.checkpoint)
    source, epochs = match.groups() if match else (init.checkpoint, None)
    assert source == recipe['init']
    assert source.startswith(f'mvitv2-{recipe["arch"]}')
    # the last step of the chain that the name tells
    assert {'in1k': '_in1k', 'in21k': '_in21k', 'k400': 'k400'}[pre.split('-')[-1]] in \
        source.replace('kinetics', 'k')
    if match:
        folder = 'recognition' if source in RECIPES else 'classification'
        assert int(epochs) == harness.load(folder, source).train_cfg.max_epochs
    else:
        assert source in ZOO


@pytest.mark.parametrize('name, input_size', [
    ('mvitv2-small-p244_in1k-pre_32xb16-16x4x1-100e_kinetics400-rgb', 64),
    ('mvitv2-large-p244_in21k-pre_128xb1-40x3x1-30e_kinetics400-rgb-312px', (8, 64, 64)),
])
def test_weights_of_images_and_of_other_clips_fit(name, input_size, cfg, tmp_path):
    """As the paper: the kernel of images in the middle frame, no time positions."""
    backbone = cfg.model.backbone
    init = backbone.init_cfg
    shrink(cfg)
    source = MODELS.build(dict(backbone, input_size=input_size))
    source.init_weights()
    init.checkpoint = str(tmp_path / 'source.pth')
    state = {f'backbone.{key}': value for key, value in source.state_dict().items()}
    torch.save(dict(state_dict=state), init.checkpoint)
    model = MODELS.build(dict(backbone, init_cfg=init))
    model.init_weights()
    new, old = model.patch_embed.projection.weight, source.patch_embed.projection.weight
    if isinstance(input_size, int):
        assert torch.equal(new[:, :, 1], old) and not new[:, :, ::2].any()
        assert not any(block.attn.rel_pos_t.any() for block in model.blocks)
    else:
        assert torch.equal(new, old)
    assert torch.equal(model.blocks[1].mlp.fc1.weight, source.blocks[1].mlp.fc1.weight)
    old, new = (net.blocks[0].attn.rel_pos_h for net in (source, model))
    assert (len(old), len(new)) == (31, 15)
    assert torch.equal(new[7], old[15])  # resized, the middle stays


def test_model(cfg, recipe):
    backbone, head = cfg.model.backbone, cfg.model.cls_head
    assert backbone.arch == recipe['arch']
    assert backbone.input_size == recipe['clip']
    assert backbone.get('with_cp', 'cheap') == recipe['with_cp']
    assert head.dropout_ratio == recipe['dropout']
    assert (head.label_smooth_eps, head.average_clips) == (0.1, 'prob')
    model = harness.full_model(cfg)
    assert harness.num_params(model) == recipe['params']
    rates = harness.drop_path_rates(model.backbone)
    assert rates == pytest.approx(np.linspace(0, recipe['drop_path'], len(rates)).tolist())
    preprocessor = cfg.model.data_preprocessor
    assert (preprocessor.mean, preprocessor.std) == (recipe['mean'], recipe['std'])
    assert not preprocessor.get('to_rgb')  # frames are RGB
    assert preprocessor.blending.num_classes == head.num_classes == recipe['num_classes']


def test_optimizer(cfg, recipe):
    model = MODELS.build(shrink(cfg).model)
    decay = harness.decay_per_parameter(cfg, model)
    for name, param in model.named_parameters():
        assert decay[name] == (0 if param.ndim == 1 else recipe['optimizer']['weight_decay']), name
    assert decay['backbone.cls_token'] > 0 and decay['backbone.blocks.0.attn.rel_pos_t'] > 0
    optimizer = cfg.optim_wrapper.optimizer
    built = getattr(torch.optim, optimizer.pop('type'))([torch.zeros(1)], **optimizer)
    assert type(built).__name__ == recipe['optimizer']['type']
    for key in set(recipe['optimizer']) - {'type'}:
        assert built.defaults[key] == recipe['optimizer'][key]
    assert cfg.optim_wrapper.get('clip_grad') == recipe['clip_grad']
    assert cfg.optim_wrapper.type == 'OptimWrapper'  # no mixed precision


def test_learning_rate(cfg, recipe, epoch_length=40):
    assert cfg.train_cfg.max_epochs == recipe['epochs']
    lrs = harness.lr_per_step(cfg, recipe['epochs'] * epoch_length, epoch_length)
    for epoch, lr in recipe['lr'].items():
        step = min(int(epoch * epoch_length), len(lrs) - 1)
        assert lrs[step] == pytest.approx(lr, rel=0.01), epoch
    peak = np.argmax(lrs)
    assert lrs[peak] == pytest.approx(recipe['optimizer']['lr'])
    assert np.all(np.diff(lrs[:peak]) > 0) and np.all(np.diff(lrs[peak + 1:]) < 0)


def test_training_augmentation(cfg, recipe):
    dataset = cfg.train_dataloader.dataset
    pipeline = dataset.pipeline
    order = [step.type.split('.')[-1].replace('Clip', '') for step in pipeline[3:-2]]
    assert (pipeline[1].clip_len, pipeline[1].get('frame_interval')) == (recipe['clip'][0],
                                                                         recipe['interval'])
    if recipe['crop_area']:  # resized to the short side before RandAugment
        assert order.pop(0) == 'Resize' and pipeline[3].scale == (-1, recipe['short_side'])
        crop = find(pipeline, 'RandomResizedCrop')
        assert (crop['area_range'], crop['aspect_ratio_range']) == recipe['crop_area']
        assert pipeline[6].scale == recipe['clip'][1:] and not pipeline[6].keep_ratio
    else:
        jitter = find(pipeline, 'ShortSideJitter')
        assert (jitter['min_size'], jitter['max_size']) == recipe['short_side']
        assert find(pipeline, 'RandomCrop')['size'] == recipe['clip'][1]
    assert order == recipe['spatial']
    assert find(pipeline, 'RandAugment') == recipe['rand_augment']
    flip = find(pipeline, 'Flip')
    assert (flip['flip_ratio'] if flip else None) == recipe['flip']
    blending = cfg.model.data_preprocessor.blending
    assert blending.erase_prob == recipe['erase']
    assert (blending.mix_prob, blending.switch_prob, blending.mixup_alpha,
            blending.cutmix_alpha) == (recipe['mix_prob'], 0.5, 0.8, 1.)
    assert dataset.get('num_repeats', 1) == recipe['repeats']
    collate = cfg.train_dataloader.get('collate_fn', dict(type='pseudo_collate'))['type']
    assert collate == ('repeat_pseudo_collate' if recipe['repeats'] > 1 else 'pseudo_collate')


def test_frames_of_test_clips(cfg, recipe):
    sampler = TRANSFORMS.build(cfg.test_dataloader.dataset.pipeline[1])
    num, interval = recipe['clip'][0], recipe['interval']
    total = 300 if interval else 10 * num + 1
    inds = sampler(dict(total_frames=total, avg_fps=30.))['frame_inds']
    inds = inds.reshape(recipe['views'][0], num)
    if interval:  # both ends of the span, from starts that are evenly spread
        span = num * interval
        assert inds[0].tolist() == [i * (span - 1) // (num - 1) for i in range(num)]
        step = (300 - span) // (recipe['views'][0] - 1)
        assert inds[:, 0].tolist() == [k * step for k in range(recipe['views'][0])]
    else:  # the middles of segments of 10
        assert inds[0].tolist() == list(range(5, total, 10))


def test_test_views(cfg, recipe):
    pipeline = cfg.test_dataloader.dataset.pipeline
    clips, crops = recipe['views']
    assert pipeline[1].get('num_clips', 1) == clips
    assert find(pipeline, 'Resize')['scale'] == (-1, recipe['test_size'])
    assert pipeline[4].type == {1: 'CenterCrop', 3: 'ThreeCrop'}[crops]
    # one frame per clip, for speed
    results = dict(video_reader=None, img_shape=(256, 340), clip_len=1, num_clips=clips, label=0)
    results['imgs'] = [np.zeros((256, 340, 3), np.uint8)] * clips
    for step in pipeline[3:]:
        results = TRANSFORMS.build(step)(results)
    assert tuple(results['inputs'].shape) == (clips * crops, 3, 1, *recipe['clip'][1:])
    assert cfg.val_dataloader.dataset.pipeline[4].type == 'CenterCrop'


@pytest.fixture(scope='module')
def data_roots(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    roots = {
        name: make_kinetics(root / name, name)
        for name in ('kinetics400', 'kinetics600', 'kinetics700')
    }
    return dict(roots, sthv2=make_something(root / 'sthv2'))


def test_a_training_step_and_a_test_step(cfg, recipe, data_roots):
    shrink(cfg)
    for loop in ('train', 'val', 'test'):
        dataset = cfg[f'{loop}_dataloader'].dataset
        assert Path(dataset.data_root).name == recipe['data']
        dataset.data_root = data_roots[recipe['data']]
        dataset = DATASETS.build(dataset)
        assert len(dataset) == 2
        assert recipe['data'] in dataset.ann_file.rsplit('/', 1)[-1]
    model = MODELS.build(cfg.model)
    model.init_weights()
    batch = harness.first_batch(cfg.train_dataloader, batch_size=2)
    assert [tuple(x.shape) for x in batch['inputs']] == [(1, 3, 2, 32, 32)] * 2 * recipe['repeats']
    loss, unchanged = harness.train_step(cfg, model, batch)
    assert loss == pytest.approx(np.log(recipe['num_classes']), abs=1)
    # the class token is read, so the last queries of the patches can only decay
    assert {re.sub('rel_pos_[thw]', 'rel_pos', n)
            for n in unchanged
            } <= {'backbone.blocks.1.attn.rel_pos', 'backbone.blocks.1.attn.pool_q.weight'}
    batch = harness.first_batch(cfg.test_dataloader, batch_size=2)
    views = np.prod(recipe['views'])
    assert [tuple(x.shape) for x in batch['inputs']] == [(views, 3, 2, 32, 32)] * 2
    with torch.no_grad():
        for sample in model.eval().test_step(batch):
            assert sample.pred_score.shape == (recipe['num_classes'], )
            assert float(sample.pred_score.sum()) == pytest.approx(1, abs=1e-4)
    assert set(harness.test_step(cfg, model, batch)) == {'acc/top1', 'acc/top5', 'acc/mean1'}
