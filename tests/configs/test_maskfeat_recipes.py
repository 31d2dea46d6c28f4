"""The MaskFeat recipes against tables transcribed from the official configs."""
import re

import harness
import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from recognition_data import make_kinetics

PRETRAIN = dict(
    repeats=1,
    lr=1.6e-3,
    clip_grad=0.02,
    drop_path=0.,
    layer_decay=1.,
    crop_area=(0.5, 1.),
    rand_augment=None,
    warmup=10,
    epochs=300,
    # epoch: learning rate of the last layers; the cosine is half way at 155
    curve={0: 1.6e-5, 5: 8.08e-4, 10: 1.6e-3, 155: 8.08e-4, 300: 1.6e-5})  # yapf: disable
FINETUNE = dict(
    lr=9.6e-3,
    clip_grad=5.,
    crop_area=(0.08, 1.),
    rand_augment=dict(magnitude=7, num_ops=2, magnitude_std=0.5))
RECIPES = {
    'mvitv2-small-p244_maskfeat_32xb16-16x4x1-300e_kinetics400-rgb':
    dict(PRETRAIN, clips=512, params=36_253_356, layers=16, q_pooling=(1, 3)),
    'mvitv2-large-p244_maskfeat_64xb8-16x4x1-300e_kinetics400-rgb':
    dict(PRETRAIN, clips=512, params=217_247_580, layers=48, q_pooling=(2, 8)),
    'mvitv2-small-p244_maskfeat-pre_32xb16-16x4x1-100e_kinetics400-rgb':
    dict(
        FINETUNE,
        clips=512,
        params=36_475_120,
        layers=16,
        q_pooling=(1, 3, 14),
        repeats=2,
        drop_path=0.1,
        layer_decay=0.75,
        warmup=20,
        epochs=100,
        init='mvitv2-small-16x4_maskfeat-k400',
        curve={
            0: 1.6e-5,
            10: 4.808e-3,
            20: 9.6e-3,
            60: 4.808e-3,
            100: 1.6e-5
        }),  # yapf: disable
    # 6e-4 for 16 clips, as 9.6e-3 for 256
    'mvitv2-large-p244_maskfeat-pre_32xb8-16x4x1-75e_kinetics400-rgb':
    dict(
        FINETUNE,
        clips=256,
        params=217_578_064,
        layers=48,
        q_pooling=(2, 8, 44),
        repeats=1,
        drop_path=0.2,
        layer_decay=0.875,
        warmup=5,
        epochs=75,
        init='mvitv2-large-16x4_maskfeat-k400',
        curve={
            0: 1.6e-7,
            2.5: 4.80008e-3,
            5: 9.6e-3,
            40: 4.88e-3,
            75: 1.6e-4
        }),  # yapf: disable
}
PRETRAINING = [name for name in RECIPES if '-pre_' not in name]
FINETUNING = [name for name in RECIPES if '-pre_' in name]

name, cfg, recipe = harness.recipe_fixtures('recognition/maskfeat', RECIPES)


def shrink(cfg, patch):
    """Two blocks on large patches; everything around them stays as configured."""
    cfg.model.backbone.update(
        arch=dict(
            embed_dims=8,
            num_layers=2,
            num_heads=1,
            downscale_indices=(1, ) if 'cls_head' in cfg.model else (),
            dim_mul_indices=(1, )),
        patch_cfg=dict(kernel_size=(3, patch, patch), stride=(2, patch, patch), padding=(1, 0, 0)),
        init_cfg=None)
    if 'cls_head' in cfg.model:
        cfg.model.cls_head.in_channels = 16
    return cfg


def test_every_config_has_a_recipe_here():
    assert harness.names('recognition/maskfeat') == sorted(RECIPES)


def test_name_agrees_with_body(name, cfg, recipe):
    match = re.fullmatch(
        r'mvitv2-(?P<arch>\w+)-p244_maskfeat(-pre)?_(?P<gpus>\d+)xb(?P<batch>\d+)-'
        r'16x4x1-(?P<epochs>\d+)e_kinetics400-rgb', name)
    gpus, batch = int(match['gpus']), int(match['batch'])
    dataset = cfg.train_dataloader.dataset
    assert dataset.get('num_repeats', 1) == recipe['repeats']
    assert batch == cfg.train_dataloader.batch_size * recipe['repeats']
    assert gpus * batch == cfg.auto_scale_lr.base_batch_size * recipe['repeats'] == recipe['clips']
    assert int(match['epochs']) == cfg.train_cfg.max_epochs == recipe['epochs']
    assert {'small': 16, 'large': 48}[match['arch']] == recipe['layers']
    collate = cfg.train_dataloader.get('collate_fn', {}).get('type', 'pseudo_collate')
    assert (collate == 'repeat_pseudo_collate') == (recipe['repeats'] > 1)


def test_model(name, cfg, recipe):
    model = harness.full_model(cfg)
    assert harness.num_params(model) == recipe['params']
    blocks = model.backbone.block_specs
    assert tuple(i for i, block in enumerate(blocks) if block.stride_q == (1, 2, 2)) == \
        recipe['q_pooling']
    pretrains = name in PRETRAINING
    assert blocks[-1].stride_kv == ((1, 2, 2) if pretrains else (1, 1, 1))
    assert blocks[-1].drop_path == pytest.approx(recipe['drop_path'])
    assert not cfg.model.backbone.dim_mul_in_attention
    preprocessor = cfg.model.data_preprocessor
    assert (preprocessor.mean, preprocessor.std) == ([114.75] * 3, [57.375] * 3)
    assert ('blending' in preprocessor) != pretrains
    if not pretrains:
        head = cfg.model.cls_head
        assert cfg.model.backbone.out_type == 'avg_then_norm'
        assert (head.dropout_ratio, head.init_scale, head.label_smooth_eps) == (0., 0.001, 0.1)
        norms, weights = cfg.model.backbone.init_cfg
        assert (norms.layer, norms.val, norms.bias) == ('LayerNorm', 1., 0.02)
        assert weights == dict(type='Pretrained', checkpoint=recipe['init'], prefix='backbone.')


def layer_of(param, num_layers):
    """Layer of a parameter: stem 0, block i is i + 1, the rest last."""
    for start, layer in (('backbone.patch_embed.', 0), ('backbone.cls_token', 0),
                         ('backbone.mask_token', 0), ('backbone.norm', num_layers + 1),
                         ('cls_head.', num_layers + 1), ('neck.', num_layers + 1)):
        if param.startswith(start):
            return layer
    return int(re.match(r'backbone\.blocks\.(\d+)\.', param)[1]) + 1


def test_learning_rate_and_decay_of_every_parameter(name, cfg, recipe):
    cfg.model.backbone.init_cfg = None
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    groups = {id(p): g for g in wrapper.optimizer.param_groups for p in g['params']}
    assert type(wrapper.optimizer).__name__ == 'AdamW' and cfg.optim_wrapper.type == 'OptimWrapper'
    assert wrapper.optimizer.defaults['betas'] == (0.9, 0.999)
    for param_name, param in model.named_parameters():
        group = groups.pop(id(param))
        depth = recipe['layers'] + 1 - layer_of(param_name, recipe['layers'])
        assert group['lr'] == pytest.approx(recipe['lr'] * recipe['layer_decay']**depth), param_name
        assert group['weight_decay'] == (0. if param.ndim == 1 else 0.05), param_name
    assert not groups
    assert dict(cfg.optim_wrapper.clip_grad) == dict(max_norm=recipe['clip_grad'])


def test_learning_rate_over_time(name, cfg, recipe, iters=10):
    """Of the last layers and, at a fixed fraction of it, of the first."""
    peaks = [recipe['lr'], recipe['lr'] * recipe['layer_decay']**(recipe['layers'] + 1)]
    optimizer = torch.optim.SGD([dict(params=[torch.zeros(1)], lr=lr) for lr in peaks], lr=0.1)
    schedulers = [
        PARAM_SCHEDULERS.build(s, default_args=dict(optimizer=optimizer, epoch_length=iters))
        for s in harness.schedule(cfg)
    ]
    lrs = []
    for _ in range(recipe['epochs'] * iters):
        lrs.append([group['lr'] for group in optimizer.param_groups])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    last, first = np.transpose(lrs)
    np.testing.assert_allclose(first / last, peaks[1] / peaks[0])
    assert np.argmax(last) in (recipe['warmup'] * iters - 1, recipe['warmup'] * iters)
    for epoch, lr in recipe['curve'].items():
        # the schedule has one step less than the epochs
        step = min(round(epoch * iters), len(last) - 1)
        assert last[step] == pytest.approx(lr, rel=0.03), epoch


def test_training_pipeline(name, cfg, recipe):
    steps = {s.type.split('.')[-1]: s for s in cfg.train_dataloader.dataset.pipeline}
    order = [
        'OpenClip', 'SampleClips', 'ReadFrames', 'Resize', 'ClipRandAugment', 'RandomResizedCrop',
        'Flip', 'FormatShape', 'MaskCubes', 'PackActionInputs'
    ]
    absent = {'ClipRandAugment'} if name in PRETRAINING else {'MaskCubes'}
    types = [s.type.split('.')[-1] for s in cfg.train_dataloader.dataset.pipeline]
    crop = types.index('RandomResizedCrop')
    assert types.pop(crop + 1) == 'Resize'  # to 224, below
    assert types == [step for step in order if step not in absent]
    sampler = steps['SampleClips']
    assert (sampler.clip_len, sampler.frame_interval, sampler.target_fps) == (16, 4, 30)
    assert cfg.train_dataloader.dataset.pipeline[3].scale == (-1, 256)
    assert cfg.train_dataloader.dataset.pipeline[crop + 1].scale == (224, 224)
    assert steps['RandomResizedCrop'].area_range == recipe['crop_area']
    assert steps['RandomResizedCrop'].aspect_ratio_range == (0.75, 1.3333)
    assert steps['Flip'].flip_ratio == 0.5
    if name in PRETRAINING:
        mask = {key: value for key, value in steps['MaskCubes'].items() if key != 'type'}
        assert mask == dict(
            grid_size=(8, 7, 7), mask_ratio=0.4, min_area=9, max_area=49, min_aspect=0.3)
        assert not {'val_cfg', 'test_cfg', 'val_dataloader', 'test_dataloader'} & set(cfg)
    else:
        rand_augment = {k: v for k, v in steps['ClipRandAugment'].items() if k != 'type'}
        assert rand_augment == recipe['rand_augment']
        views = cfg.test_dataloader.dataset.pipeline[1]
        assert (views.num_clips, views.test_mode) == (10, True)
        assert cfg.test_dataloader.dataset.pipeline[3].scale == (-1, 256)
        assert cfg.test_dataloader.dataset.pipeline[4].type == 'CenterCrop'


def batch_of(loader, root):
    loader.dataset.data_root = root
    return harness.first_batch(loader, batch_size=2)


@pytest.fixture(scope='module')
def kinetics(tmp_path_factory):
    return make_kinetics(tmp_path_factory.mktemp('data') / 'kinetics400', 'kinetics400')


@pytest.mark.parametrize('name', PRETRAINING)
def test_a_pretraining_step(cfg, kinetics):
    shrink(cfg, patch=16)
    model = MODELS.build(cfg.model)
    model.init_weights()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = batch_of(cfg.train_dataloader, kinetics)
    assert [tuple(x.shape) for x in batch['inputs']] == [(1, 3, 16, 224, 224)] * 2
    masks = [sample.mask for sample in batch['data_samples']]
    assert all(mask.shape == (8, 7, 7) and 130 < mask.sum() <= 157 for mask in masks)
    assert not torch.equal(*masks)
    before = model.backbone.mask_token.clone()
    loss = model.train().train_step(batch, wrapper)['loss'].item()
    assert 0.05 < loss < 0.5  # predicting nothing costs at most 1 / 9
    assert not torch.equal(before, model.backbone.mask_token)


@pytest.mark.parametrize('name', FINETUNING)
def test_a_finetuning_step_and_a_test_step(cfg, recipe, kinetics):
    shrink(cfg, patch=32)
    model = MODELS.build(cfg.model)
    model.init_weights()
    assert model.cls_head.fc_cls.bias[0].item() == pytest.approx(2e-5)
    assert model.cls_head.fc_cls.weight.std().item() == pytest.approx(2e-5, rel=0.1)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = batch_of(cfg.train_dataloader, kinetics)
    assert len(batch['inputs']) == 2 * recipe['repeats']
    loss = model.train().train_step(batch, wrapper)['loss'].item()
    assert loss == pytest.approx(np.log(400), rel=0.01)  # the head starts near 0
    batch = batch_of(cfg.test_dataloader, kinetics)
    assert [tuple(x.shape) for x in batch['inputs']] == [(10, 3, 16, 224, 224)] * 2
    with torch.no_grad():
        samples = model.eval().test_step(batch)
        # mean of the patch tokens, norm, classifier
        clips = (torch.stack(batch['inputs']).flatten(0, 1) - 114.75) / 57.375
        feats = []
        model.backbone.blocks[-1].register_forward_hook(lambda *args: feats.append(args[2][0]))
        model.backbone(clips)
        logits = model.cls_head.fc_cls(model.backbone.norm1(feats[0][:, 1:].mean(1)))
    scores = logits.softmax(1).unflatten(0, (2, 10)).mean(1)
    torch.testing.assert_close(torch.stack([s.pred_score for s in samples]), scores)


def test_finetuning_starts_from_pretraining(tmp_path):
    size = dict(embed_dims=8, num_layers=5, num_heads=1, dim_mul_indices=(1, 2, 3))
    pretrain, finetune = (
        harness.load('recognition/maskfeat', names[0]).model for names in (PRETRAINING, FINETUNING))
    pretrain.backbone.arch = dict(size, downscale_indices=(1, 2))
    finetune.backbone.arch = dict(size, downscale_indices=(1, 2, 3))
    finetune.cls_head.in_channels = 64
    source, path = MODELS.build(pretrain), str(tmp_path / 'pretrained.pth')
    source.init_weights()
    torch.save(dict(state_dict=source.state_dict()), path)
    finetune.backbone.init_cfg[1].checkpoint = path
    model = MODELS.build(finetune)
    model.init_weights()
    tables = []
    for param_name, param in model.backbone.named_parameters():
        expected = dict(source.backbone.named_parameters()).get(param_name)
        if param_name.startswith('norm'):
            assert param_name.startswith('norm3') and expected is None
            assert (param == (0.02 if 'bias' in param_name else 1)).all()
        elif param.shape != expected.shape:
            tables.append(param_name)  # resized in the last stage
        else:
            assert torch.equal(param, expected), param_name
    assert tables == [f'blocks.4.attn.rel_pos_{axis}' for axis in 'hw']
