"""Every recipe for AVA against a table transcribed from the papers and the official code."""
import re

import harness
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ava_data import make_ava
from clip_configs import shrink_pipelines
from harness import half_cosine
from mmaction.structures import ActionDataSample
from mmengine.registry import DATASETS, MODELS
from mmengine.structures import InstanceData

from mvitv2_mm.checkpoints.zoo import ZOO

COMMON = dict(
    optimizer=dict(type='SGD', lr=0.6, momentum=0.9, nesterov=True, weight_decay=1e-8),
    clips_per_step=512,
    epochs=30,
    # unknown, the defaults of the official code: start and end
    lr=half_cosine(0.6, 5, 30, 0.01 / 0.6, 0),
    mean=[114.75] * 3,
    std=[57.375] * 3,
    jitter=(256, 320))
SMALL = dict(COMMON, arch='small', clip=(16, 224, 224), interval=4, params=34_291_664)
BASE = dict(COMMON, arch='base', clip=(32, 224, 224), interval=3, params=50_984_048)
LARGE = dict(
    COMMON,
    arch='large',
    clip=(40, 312, 312),
    interval=3,
    params=213_021_152,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    jitter=(356, 446))
CENTRE = {
    'mvitv2-small-p244_k400-pre_64xb8-16x4x1-30e_ava22-rgb':
    dict(SMALL, init='mvitv2-small-16x4_k400'),
    'mvitv2-base-p244_k400-pre_64xb8-32x3x1-30e_ava22-rgb':
    dict(BASE, init='mvitv2-base-32x3_k400'),
    'mvitv2-base-p244_k600-pre_64xb8-32x3x1-30e_ava22-rgb':
    dict(BASE, init='mvitv2-base-p244_32xb16-32x3x1-200e_kinetics600-rgb'),
    'mvitv2-base-p244_k700-pre_64xb8-32x3x1-30e_ava22-rgb':
    dict(BASE, init='mvitv2-base-p244_32xb16-32x3x1-200e_kinetics700-rgb'),
    'mvitv2-large-p244_in21k-k700-pre_64xb8-40x3x1-30e_ava22-rgb-312px':
    dict(LARGE, init='mvitv2-large-p244_in21k-pre_128xb1-40x3x1-30e_kinetics700-rgb-312px'),
}
# the same nets, tested on whole frames
RECIPES = {
    **{name: dict(recipe, full=False) for name, recipe in CENTRE.items()},
    **{f'{name}_full-frame': dict(recipe, full=True) for name, recipe in CENTRE.items()},
}  # yapf: disable
NAME = re.compile(
    r'mvitv2-(?P<arch>\w+)-p244_(?P<pre>[\w-]+)-pre_(?P<gpus>\d+)xb(?P<batch>\d+)-'
    r'(?P<clip>\d+x\d+x1)-(?P<epochs>\d+)e_ava22-rgb(-(?P<size>\d+)px)?(_full-frame)?')

name, cfg, recipe = harness.recipe_fixtures('action_detection', RECIPES)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return make_ava(tmp_path_factory.mktemp('data') / 'ava')


def shrink(cfg, root):
    """A net of four scales on two frames of 64 x 64; the steps around it stay as configured."""
    size = cfg.model.backbone.input_size[1]
    cfg.model.backbone.update(
        arch=harness.SMALL, input_size=(2, 64, 64), drop_path_rate=0., init_cfg=None)
    cfg.model.roi_head.bbox_head.in_channels = 64
    shrink_pipelines(cfg, size, 64)
    for loop in ('train', 'val', 'test'):
        cfg[f'{loop}_dataloader'].dataset.data_root = root
    for key in ('ann_file', 'label_file', 'exclude_file'):
        cfg.test_evaluator[key] = cfg.test_evaluator[key].replace('data/ava', root)
    return cfg


def test_every_config_has_a_recipe_here():
    assert harness.names('action_detection') == sorted(RECIPES)


def test_name_agrees_with_body(name, cfg, recipe):
    match = NAME.fullmatch(name)
    assert match['arch'] == cfg.model.backbone.arch == recipe['arch']
    assert int(match['batch']) == cfg.train_dataloader.batch_size
    assert int(match['gpus']) * int(match['batch']) == recipe['clips_per_step']
    assert cfg.auto_scale_lr.base_batch_size == recipe['clips_per_step']
    assert int(match['epochs']) == cfg.train_cfg.max_epochs == recipe['epochs']
    sampler = cfg.train_dataloader.dataset.pipeline[1]
    assert match['clip'] == f'{sampler.clip_len}x{sampler.frame_interval}x1'
    assert int(match['size'] or 224) == cfg.model.backbone.input_size[1]
    assert cfg.default_scope == 'mmaction'


def test_model(name, cfg, recipe):
    backbone, preprocessor = cfg.model.backbone, cfg.model.data_preprocessor
    assert backbone.input_size == recipe['clip']
    assert (backbone.init_cfg.type, backbone.init_cfg.prefix) == ('Pretrained', 'backbone.')
    match = re.fullmatch(r'work_dirs/(.+)/epoch_(\d+)\.pth', backbone.init_cfg.checkpoint)
    assert (match[1] if match else backbone.init_cfg.checkpoint) == recipe['init']
    if match:
        source = harness.load('recognition', match[1])
        assert int(match[2]) == source.train_cfg.max_epochs
        assert source.model.backbone.input_size == recipe['clip']
        assert source.model.data_preprocessor.mean == recipe['mean']
    else:
        assert recipe['init'] in ZOO
    assert (preprocessor.mean, preprocessor.std) == (recipe['mean'], recipe['std'])
    assert not preprocessor.get('to_rgb')  # frames are RGB
    model = harness.full_model(cfg)
    assert harness.num_params(model) == recipe['params']
    rates = harness.drop_path_rates(model.backbone)
    assert rates == pytest.approx(np.linspace(0, 0.4, len(rates)).tolist())
    assert model.backbone.with_cp == (True if recipe['arch'] == 'large' else 'cheap')
    extractor, head = model.roi_head.bbox_roi_extractor, model.roi_head.bbox_head
    roi_align = extractor.roi_layer
    assert (roi_align.output_size, roi_align.spatial_scale, roi_align.sampling_ratio,
            roi_align.aligned, roi_align.pool_mode) == ((7, 7), 1 / 32, 0, True, 'avg')
    assert (extractor.with_temporal_pool, extractor.temporal_pool_mode) == (True, 'avg')
    assert (head.spatial_pool_type, head.multilabel, head.focal_gamma) == ('max', True, 0)
    assert (head.dropout_ratio, head.dropout_before_pool) == (0.5, False)


def test_optimizer(cfg, recipe, root):
    model = MODELS.build(shrink(cfg, root).model)
    # the default of the official code decays all parameters
    assert set(harness.decay_per_parameter(cfg, model).values()) == {1e-8}
    assert cfg.optim_wrapper.optimizer == recipe['optimizer']
    assert 'clip_grad' not in cfg.optim_wrapper
    lrs = harness.lr_per_step(cfg, recipe['epochs'] * 40, 40)
    for epoch, lr in recipe['lr'].items():
        step = min(int(epoch * 40), len(lrs) - 1)
        assert lrs[step] == pytest.approx(lr, rel=0.01, abs=1e-5), epoch
    assert max(lrs) == pytest.approx(0.6)


def test_pipelines(cfg, recipe):
    train, test = (cfg[f'{loop}_dataloader'].dataset for loop in ('train', 'test'))
    size = recipe['clip'][1]
    assert (train.get('min_score', 0.8), test.get('min_score', 0.8)) == (0.8, 0.8)
    for pipeline in (train.pipeline, test.pipeline):
        assert (pipeline[1].clip_len, pipeline[1].frame_interval) == (recipe['clip'][0],
                                                                      recipe['interval'])
    jitter, crop, flip = train.pipeline[4:7]
    assert jitter.type == 'mvitv2_mm.ShortSideJitter'
    assert (jitter.min_size, jitter.max_size) == recipe['jitter']
    assert (crop.type, crop.size) == ('RandomCrop', size)
    assert (flip.type, flip.flip_ratio) == ('Flip', 0.5)
    assert [step.type for step in train.pipeline[7:]] == ['FormatShape', 'PackActionInputs']
    resize, *crops = test.pipeline[4:-2]
    assert (resize.type, resize.scale) == ('Resize', (-1, size))
    assert crops == ([] if recipe['full'] else [dict(type='CenterCrop', crop_size=size)])
    val = cfg.val_dataloader.dataset.pipeline
    assert val[5] == dict(type='CenterCrop', crop_size=size)


def test_a_training_step_and_a_test_step(cfg, recipe, root):
    shrink(cfg, root)
    assert len(DATASETS.build(cfg.val_dataloader.dataset)) == 2
    model = MODELS.build(cfg.model)
    model.init_weights()
    head = model.roi_head.bbox_head.fc_cls
    assert head.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert torch.all(head.bias == 0.02)
    batch = harness.first_batch(cfg.train_dataloader, batch_size=2)
    assert [tuple(x.shape) for x in batch['inputs']] == [(3, 2, 64, 64)] * 2
    loss, unchanged = harness.train_step(cfg, model, batch)
    assert loss == pytest.approx(np.log(2), abs=0.1)
    # SGD, and the map leaves the class token out
    assert not unchanged
    batch = harness.first_batch(cfg.test_dataloader)
    assert [tuple(x.shape) for x in batch['inputs']] == [(3, 2, 64, 85 if recipe['full'] else 64)]
    metrics = harness.test_step(cfg, model, batch)
    assert set(metrics) == {
        f'mAP/{kind}'
        for kind in ('overall', 'person_movement', 'object_manipulation', 'person_interaction')
    }
    # what is reported are the boxes as detected, whatever the crop left of them
    boxes = model.test_step(batch)[0].pred_instances.bboxes
    assert boxes[2].tolist() == pytest.approx([0, 0.2, 0.19, 0.9])


@pytest.fixture
def small(root):
    cfg = shrink(harness.load('action_detection', next(iter(RECIPES))), root)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return cfg, model


def bilinear(feat, y, x):
    """Values of a map (C, H, W) at a grid of points given in pixels of the map."""
    height, width = feat.shape[1:]
    y, x = torch.meshgrid(2 * y / (height - 1) - 1, 2 * x / (width - 1) - 1, indexing='ij')
    return F.grid_sample(
        feat[None], torch.stack([x, y], -1)[None], padding_mode='border', align_corners=True)[0]


def roi_features(feat, box, stride):
    """Aligned RoIAlign of 7 x 7 bins with one sample per started pixel, then the maximum."""
    axes = []
    for low, high in ((box[1], box[3]), (box[0], box[2])):
        low, high = low / stride - 0.5, high / stride - 0.5
        per_bin = int(np.ceil((high - low) / 7))
        axes.append(low + (torch.arange(7 * per_bin) + 0.5) * (high - low) / (7 * per_bin))
    per_bin = tuple(len(axis) // 7 for axis in axes)
    return F.avg_pool2d(bilinear(feat, *axes), per_bin).amax((1, 2))


def test_scores_of_boxes(small):
    """The path from the map to the scores against plain interpolation, on a wide frame."""
    _, model = small
    model.eval()
    clip = torch.randint(0, 256, (1, 1, 3, 2, 192, 384)).float()
    # one sample per bin; two per bin in both directions
    boxes = torch.tensor([[30., 20., 200., 180.], [5., 0., 380., 190.], [100., 50., 130., 90.]])
    sample = ActionDataSample(
        proposals=InstanceData(bboxes=boxes),
        metainfo=dict(relative_boxes=boxes.numpy() / [384, 192, 384, 192]))
    with torch.no_grad():
        scores = model.test_step(dict(inputs=[clip[0, 0].byte()], data_samples=[sample]))
        feat, = model.backbone((clip[0] - 114.75) / 57.375)
        assert feat.shape == (1, 64, 1, 6, 12)
        head = model.roi_head.bbox_head.fc_cls
        expected, wrong = (
            torch.sigmoid(
                head(
                    torch.stack(
                        [roi_features(feat[0].mean(1), box, stride) for box in boxes.tolist()])))
            for stride in (32, 16))
    scores = scores[0].pred_instances.scores
    torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-6)
    assert (scores - wrong).abs().max() > 1e-3  # control: the default stride


def test_which_boxes_are_trained(small):
    """Annotated boxes and their good detections, with the annotated labels."""
    cfg, model = small
    dataset = cfg.train_dataloader.dataset
    dataset.pipeline = [s for s in dataset.pipeline if s.type not in ('RandomCrop', 'Flip')]
    sample = DATASETS.build(dataset)[0]
    model.eval()  # no dropout
    data = model.data_preprocessor(
        dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']]), True)
    feat = model.extract_feat(data['inputs'])
    labels = torch.zeros(5, 80)
    labels[[0, 0, 2, 2, 3, 3, 1, 4], [11, 16, 11, 16, 11, 16, 79, 79]] = 1
    height, width = sample['data_samples'].img_shape
    boxes = [[0.3, 0.2, 0.6, 0.9], [0, 0.2, 0.2, 0.9], [0.3, 0.2, 0.6, 0.88], [0.31, 0.2, 0.6, 0.9],
             [0, 0.2, 0.19, 0.9]]
    boxes = torch.tensor(boxes) * torch.tensor([width, height] * 2)
    logits = model.roi_head._bbox_forward(feat, F.pad(boxes, (1, 0)), [])['cls_score']
    expected = F.binary_cross_entropy_with_logits(logits, labels)
    losses = model.loss(data['inputs'], data['data_samples'])
    torch.testing.assert_close(losses['loss_action_cls'], expected)
