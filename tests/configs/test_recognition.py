"""Every video recipe against a table transcribed from the papers and official configs."""
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS, TRANSFORMS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from mmengine.runner import Runner
from recognition_data import make_kinetics, make_something

ROOT = Path(__file__).parents[2] / 'configs' / 'recognition'

# 30 fps, 300 frames: frames of the first test clip
FRAMES_16X4 = [0, 4, 8, 12, 16, 21, 25, 29, 33, 37, 42, 46, 50, 54, 58, 63]
# 161 frames in 16 segments of 10: the middle of each
FRAMES_U16 = list(range(5, 161, 10))

KINETICS = dict(
    mean=[114.75] * 3,
    std=[57.375] * 3,
    optimizer=dict(type='AdamW', lr=1.6e-3, betas=(0.9, 0.999), weight_decay=0.05),
    clip_grad=dict(max_norm=1.),
    clips_per_step=512,
    epochs=200,
    # epoch: learning rate; the warm-up ends at 30, the cosine is half way at 115
    lr={
        0: 1.6e-5,
        15: 8.08e-4,
        30: 1.6e-3,
        115: 8.08e-4,
        200: 1.6e-5
    },
    dropout=0.5,
    erase=0.25,
    mix=(1., 0.5, 0.8, 1.),
    rand_augment=dict(magnitude=7, num_ops=4, magnitude_std=0.5),
    spatial=['RandAugment', 'RandomResizedCrop', 'Resize', 'Flip'],
    crop_area=((0.08, 1.), (0.75, 1.3333)),
    flip=0.5)
SOMETHING = dict(
    KINETICS,
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-4),
    clip_grad=None,
    epochs=100,
    lr={
        0: 8e-4,
        1.5: 0.0104,
        3: 0.02,
        51.5: 0.010004,
        100: 8e-6
    },
    spatial=['RandAugment', 'ShortSideJitter', 'RandomCrop'],
    crop_area=None,
    flip=None)

RECIPES = {
    'mvitv2-small-p244_32xb16-16x4x1-200e_kinetics400-rgb':
    dict(
        KINETICS,
        arch='small',
        clip=(16, 224, 224),
        drop_path=0.2,
        params=34_537_744,
        num_classes=400,
        repeats=2,
        init=None,
        short_side=256,
        test_size=256,
        views=(5, 1),
        test_frames=FRAMES_16X4),
    'mvitv2-small-p244_k400-pre_64xb8-u16-100e_sthv2-rgb':
    dict(
        SOMETHING,
        arch='small',
        clip=(16, 224, 224),
        drop_path=0.4,
        params=34_363_950,
        num_classes=174,
        repeats=1,
        init='mvit-small-p244_16x4x1_kinetics400',
        short_side=(256, 320),
        test_size=224,
        views=(1, 3),
        test_frames=FRAMES_U16),
}
NAMES = list(RECIPES)


def _load(name):
    cfg = Config.fromfile(ROOT / f'{name}.py')
    init_default_scope(cfg.default_scope)
    return cfg


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def cfg(name):
    return _load(name)


@pytest.fixture
def recipe(name):
    return RECIPES[name]


def _shrink(cfg):
    """A net of two blocks on 32 x 32 patches; everything around it stays as configured."""
    cfg.model.backbone.update(
        arch=dict(embed_dims=8, num_layers=2, num_heads=1, downscale_indices=[1]),
        patch_cfg=dict(kernel_size=(3, 32, 32), stride=(2, 32, 32), padding=(1, 0, 0)),
        init_cfg=None)
    cfg.model.cls_head.in_channels = 16
    return cfg


def _step(pipeline, name):
    """The one transform of a pipeline whose type ends with ``name``, without its type."""
    found = [step for step in pipeline if re.search(rf'(^|\W|Clip){name}$', step.type)]
    assert len(found) <= 1
    return {k: v for k, v in found[0].items() if k != 'type'} if found else None


def test_every_config_has_a_recipe_here():
    assert sorted(path.stem for path in ROOT.glob('*.py')) == sorted(RECIPES)


def test_leaves_state_only_what_differs(name):
    assert len((ROOT / f'{name}.py').read_text().splitlines()) <= 15


def test_name_agrees_with_body(name, cfg, recipe):
    match = re.fullmatch(
        r'mvitv2-(?P<arch>\w+)-p244(?P<pre>_[\w]+-pre)?_(?P<gpus>\d+)xb(?P<batch>\d+)-'
        r'(?P<clip>u\d+|\d+x\d+x1)-(?P<epochs>\d+)e_(?P<data>\w+)-rgb', name)
    assert match['arch'] == cfg.model.backbone.arch
    dataset = cfg.train_dataloader.dataset
    repeats = dataset.get('num_repeats', 1)
    assert int(match['batch']) == cfg.train_dataloader.batch_size * repeats
    assert int(match['gpus']) * int(match['batch']) == recipe['clips_per_step']
    assert cfg.auto_scale_lr.base_batch_size * repeats == recipe['clips_per_step']
    assert int(match['epochs']) == cfg.train_cfg.max_epochs
    assert match['data'] in dataset.data_root
    assert bool(match['pre']) == bool(cfg.model.backbone.get('init_cfg'))
    sampler = dataset.pipeline[1]
    interval = sampler.get('frame_interval')
    clip = f'{sampler.clip_len}x{interval}x1' if interval else f'u{sampler.clip_len}'
    assert match['clip'] == clip


def test_model(cfg, recipe):
    backbone, head = cfg.model.backbone, cfg.model.cls_head
    assert backbone.arch == recipe['arch']
    assert backbone.input_size == recipe['clip']
    assert backbone.drop_path_rate == recipe['drop_path']
    assert head.dropout_ratio == recipe['dropout']
    assert (head.label_smooth_eps, head.average_clips) == (0.1, 'prob')
    assert (backbone.get('init_cfg') is None) == (recipe['init'] is None)
    if recipe['init']:
        assert backbone.init_cfg.type == 'Pretrained' and backbone.init_cfg.prefix == 'backbone.'
        assert recipe['init'] in backbone.init_cfg.checkpoint
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert sum(p.numel() for p in model.parameters()) == recipe['params']
    preprocessor = cfg.model.data_preprocessor
    assert (preprocessor.mean, preprocessor.std) == (recipe['mean'], recipe['std'])
    assert not preprocessor.get('to_rgb')  # frames are RGB
    assert preprocessor.blending.num_classes == head.num_classes == recipe['num_classes']


def test_optimizer(cfg, recipe):
    model = MODELS.build(_shrink(cfg).model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    assert type(wrapper.optimizer).__name__ == recipe['optimizer']['type']
    for key, value in recipe['optimizer'].items():
        if key != 'type':
            assert wrapper.optimizer.defaults[key] == value
    decay = {id(g['params'][0]): g['weight_decay'] for g in wrapper.param_groups}
    assert all(len(g['params']) == 1 for g in wrapper.param_groups)
    for name, param in model.named_parameters():
        expected = 0 if param.ndim == 1 else recipe['optimizer']['weight_decay']
        assert decay[id(param)] == expected, name
    assert decay[id(model.backbone.cls_token)] > 0
    assert decay[id(model.backbone.blocks[0].attn.rel_pos_t)] > 0
    assert {g['lr'] for g in wrapper.param_groups} == {recipe['optimizer']['lr']}
    assert cfg.optim_wrapper.get('clip_grad') == recipe['clip_grad']
    assert cfg.optim_wrapper.type == 'OptimWrapper'  # no mixed precision


def test_learning_rate(cfg, recipe, iters=40):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = [
        PARAM_SCHEDULERS.build(s, default_args=dict(optimizer=optimizer, epoch_length=iters))
        for s in cfg.param_scheduler
    ]
    assert cfg.train_cfg.max_epochs == recipe['epochs']
    lrs = []
    for _ in range(recipe['epochs'] * iters):
        lrs.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    for epoch, lr in recipe['lr'].items():
        assert lrs[min(int(epoch * iters), len(lrs) - 1)] == pytest.approx(lr, rel=0.01), epoch
    assert max(lrs) == pytest.approx(recipe['optimizer']['lr'])
    peak = np.argmax(lrs)
    assert np.all(np.diff(lrs[:peak]) > 0) and np.all(np.diff(lrs[peak + 1:]) < 0)


def test_training_augmentation(cfg, recipe):
    dataset = cfg.train_dataloader.dataset
    pipeline = dataset.pipeline
    order = [step.type.split('.')[-1].replace('Clip', '') for step in pipeline[3:-2]]
    if recipe['crop_area']:  # resized to the short side before RandAugment
        assert order.pop(0) == 'Resize' and pipeline[3].scale == (-1, recipe['short_side'])
        crop = _step(pipeline, 'RandomResizedCrop')
        assert (crop['area_range'], crop['aspect_ratio_range']) == recipe['crop_area']
        assert pipeline[6].scale == recipe['clip'][1:] and not pipeline[6].keep_ratio
    else:
        jitter = _step(pipeline, 'ShortSideJitter')
        assert (jitter['min_size'], jitter['max_size']) == recipe['short_side']
        assert _step(pipeline, 'RandomCrop')['size'] == recipe['clip'][1]
    assert order == recipe['spatial']
    assert _step(pipeline, 'RandAugment') == recipe['rand_augment']
    flip = _step(pipeline, 'Flip')
    assert (flip['flip_ratio'] if flip else None) == recipe['flip']
    blending = cfg.model.data_preprocessor.blending
    assert blending.erase_prob == recipe['erase']
    assert (blending.mix_prob, blending.switch_prob, blending.mixup_alpha,
            blending.cutmix_alpha) == recipe['mix']
    assert dataset.get('num_repeats', 1) == recipe['repeats']
    assert (cfg.train_dataloader.get('collate_fn') is not None) == (recipe['repeats'] > 1)


def test_test_views(cfg, recipe):
    pipeline = cfg.test_dataloader.dataset.pipeline
    clips, crops = recipe['views']
    sampler = TRANSFORMS.build(pipeline[1])
    total = 300 if 'frame_interval' in pipeline[1] else 161
    inds = sampler(dict(total_frames=total, avg_fps=30.))['frame_inds'].reshape(clips, -1)
    assert inds[0].tolist() == recipe['test_frames']
    assert _step(pipeline, 'Resize')['scale'] == (-1, recipe['test_size'])
    assert pipeline[4].type == {1: 'CenterCrop', 3: 'ThreeCrop'}[crops]
    assert pipeline[4].crop_size == recipe['clip'][1]
    results = dict(video_reader=None, img_shape=(256, 340), clip_len=inds.shape[1])
    results.update(num_clips=clips, imgs=[np.zeros((256, 340, 3), np.uint8)] * inds.size, label=0)
    for step in pipeline[3:]:
        results = TRANSFORMS.build(step)(results)
    assert tuple(results['inputs'].shape) == (clips * crops, 3, *recipe['clip'])
    assert cfg.val_dataloader.dataset.pipeline[4].type == 'CenterCrop'


@pytest.fixture(scope='module')
def data_roots(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    return dict(
        kinetics400=make_kinetics(root / 'kinetics400', 'kinetics400'),
        sthv2=make_something(root / 'sthv2'))


def _batches(loader, root):
    """Batches of both clips of a split."""
    loader.update(batch_size=2, num_workers=0, persistent_workers=False, pin_memory=False)
    assert Path(loader.dataset.data_root).name == Path(root).name
    loader.dataset.data_root = root
    return list(Runner.build_dataloader(loader, seed=0))


def test_a_training_step_and_a_test_step(cfg, recipe, data_roots):
    root = data_roots[Path(cfg.train_dataloader.dataset.data_root).name]
    model = MODELS.build(_shrink(cfg).model)
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batch, = _batches(cfg.train_dataloader, root)
    shape = (1, 3, *recipe['clip'])
    assert [tuple(x.shape) for x in batch['inputs']] == [shape] * 2 * recipe['repeats']
    before = {name: param.clone() for name, param in model.named_parameters()}
    logs = model.train().train_step(batch, wrapper)
    assert 0 < logs['loss'].item() < 20
    # a shift of all keys does not change the attention, so the gradient of norm_k.bias is noise
    assert not [
        name for name, param in model.named_parameters()
        if torch.equal(param, before[name]) and not name.endswith('norm_k.bias')
    ]
    batch, = _batches(cfg.test_dataloader, root)
    clips, crops = recipe['views']
    assert [tuple(x.shape) for x in batch['inputs']] == [(clips * crops, *shape[1:])] * 2
    with torch.no_grad():
        for sample in model.eval().test_step(batch):
            assert sample.pred_score.shape == (recipe['num_classes'], )
            assert float(sample.pred_score.sum()) == pytest.approx(1, abs=1e-4)
    assert len(DATASETS.build(cfg.val_dataloader.dataset | dict(data_root=root))) == 2
