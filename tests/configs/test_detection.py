"""Every detection recipe, as it resolves, against a table transcribed from paper and detectron2."""
import re
from functools import lru_cache

import harness
import numpy as np
import pytest
import torch
from detection_recipes import RECIPES
from mmdet.models.task_modules import DeltaXYWHBBoxCoder, PseudoSampler, RandomSampler
from mmengine.runner.amp import autocast

from mvitv2_mm.checkpoints.zoo import ZOO
from mvitv2_mm.models import FederatedLoss, LayerNorm2d

NORMS = {None: type(None), 'SyncBN': torch.nn.SyncBatchNorm, 'LN': LayerNorm2d}
# images with objects in the training sets
IMAGES = dict(coco=117_266, lvis=99_388)


@lru_cache(maxsize=None)
def full(name):
    """The model at its real size on the meta device; not to be changed."""
    return harness.full_model(harness.load('detection', name))


name, cfg, recipe = harness.recipe_fixtures('detection', RECIPES)


@pytest.fixture
def model(name):
    return full(name)


def is_cascade(name):
    return name.startswith('cascade')


def test_every_config_has_a_recipe_here():
    assert harness.names('detection') == sorted(RECIPES)


def test_name_agrees_with_body(name, cfg, recipe):
    match = re.fullmatch(
        r'(?P<detector>(cascade-)?mask-rcnn)_mvitv2-(?P<arch>[a-z]+)(-(?P<pretrain>in21k))?_fpn_'
        r'(?P<gpus>\d+)xb(?P<batch>\d+)-amp-(?P<aug>ms-crop|lsj)-(?P<length>\d+[xe])'
        r'(?P<ln>-ln)?(?P<nms>-soft-nms)?_(?P<data>coco|coco-o|lvis)', name)
    assert match['arch'] == cfg.model.backbone.arch == recipe['arch']
    assert (match['pretrain'] or 'in1k') == recipe['init'].split('_')[-1]
    assert cfg.model.type == ('CascadeRCNN' if is_cascade(name) else 'MaskRCNN')
    assert int(match['batch']) == cfg.train_dataloader.batch_size
    assert int(match['gpus']) * int(match['batch']) == recipe['batch']
    assert cfg.auto_scale_lr.base_batch_size == recipe['batch']
    assert cfg.optim_wrapper.type == 'mvitv2_mm.AmpOptimWrapper'
    assert recipe['data'].startswith(match['aug'])
    assert bool(match['ln']) == (recipe['norm'] == 'LN')
    assert bool(match['nms']) == (cfg.model.test_cfg.rcnn.nms.type == 'soft_nms')
    unit = dict(x=12, e=1)[match['length'][-1]]
    images = IMAGES['lvis' if match['data'] == 'lvis' else 'coco']
    epochs = cfg.train_cfg.max_iters * recipe['batch'] / images
    assert epochs == pytest.approx(unit * int(match['length'][:-1]), rel=0.03)


def test_backbone(cfg, recipe, model):
    backbone = model.backbone
    init = cfg.model.backbone.init_cfg
    source = re.sub(r'work_dirs/(.+)/epoch_90.pth', r'\1', init.checkpoint)
    assert dict(
        init, checkpoint=source) == dict(
            type='Pretrained', checkpoint=f'mvitv2-{recipe["init"]}', prefix='backbone.')
    # small ones for ImageNet-21K are not published: of our recipe
    assert source in (harness.names('classification') if 'work_dirs' in init.checkpoint else ZOO)
    rates = harness.drop_path_rates(backbone)
    assert rates == pytest.approx(torch.linspace(0, recipe['drop_path'], len(rates)).tolist())
    specs, last = backbone.block_specs, backbone.arch.last_blocks
    # whole maps at the ends of stages 2 to 4, and there harder pooling of the keys
    assert [i for i, spec in enumerate(specs) if not spec.window_size] == list(last[1:])
    assert [specs[i].stride_kv for i in last] == [(4, 4), (4, 4), (2, 2), (1, 1)]
    assert specs[0].window_size == 56
    assert tuple(specs[i].out_dims for i in last) == recipe['neck']
    assert backbone.out_scales == (0, 1, 2, 3)
    assert backbone.rel_pos_zero_init
    assert backbone.with_cp == recipe.get('with_cp', 'cheap')


def conv(in_dims, out_dims, kernel, norm=None):
    """Parameters of a convolution with a bias or a norm of two parameters per channel."""
    return out_dims * (in_dims * kernel**2 + (2 if norm else 1))


def linear(in_dims, out_dims):
    return out_dims * (in_dims + 1)


def detectron2_head_params(recipe, cascade):
    """Parameters of everything after the backbone, from detectron2's modules."""
    norm, classes = recipe['norm'], recipe['num_classes']
    fpn_norm = norm if norm == 'LN' else None
    neck = sum(conv(c, 256, 1, fpn_norm) + conv(256, 256, 3, fpn_norm) for c in recipe['neck'])
    rpn = conv(256, 256, 3) * (2 if cascade else 1) + conv(256, 3, 1) + conv(256, 12, 1)
    score = linear(1024, classes + 1)
    if cascade:
        box = 3 * (4 * conv(256, 256, 3, norm) + linear(256 * 49, 1024) + score + linear(1024, 4))
    else:
        box = linear(256 * 49, 1024) + linear(1024, 1024) + score + linear(1024, 4 * classes)
    mask = 4 * conv(256, 256, 3, norm) + conv(256 * 4, 256, 1) + conv(256, classes, 1)
    return neck + rpn + box + mask


def test_parameters(name, recipe, model):
    assert harness.num_params(model.backbone) == recipe['backbone_params']
    total = recipe['backbone_params'] + detectron2_head_params(recipe, is_cascade(name))
    assert harness.num_params(model) == total
    if recipe['million']:
        digits = len(recipe['million'].partition('.')[2])
        assert total / 1e6 == pytest.approx(float(recipe['million']), abs=0.51 * 10**-digits)


def test_neck_and_region_proposals(name, cfg, recipe, model):
    neck, rpn = model.neck, model.rpn_head
    for layer in [*neck.lateral_convs, *neck.fpn_convs]:
        norm = layer.norm if layer.with_norm else None
        assert isinstance(norm, NORMS['LN' if recipe['norm'] == 'LN' else None])
        assert (layer.conv.bias is None) == layer.with_norm
    assert (neck.out_channels, neck.num_outs, neck.add_extra_convs) == (256, 5, False)
    assert neck.upsample_cfg == dict(mode='nearest')
    anchors = rpn.prior_generator
    sizes = [
        np.sqrt(np.prod((base[:, 2:] - base[:, :2]).numpy(), 1)) for base in anchors.base_anchors
    ]
    assert np.allclose(sizes, np.array([[32] * 3, [64] * 3, [128] * 3, [256] * 3, [512] * 3]))
    assert anchors.ratios.tolist() == [0.5, 1, 2] and anchors.center_offset == 0
    assert anchors.strides == [(s, s) for s in (4, 8, 16, 32, 64)]
    convs = [m for m in rpn.rpn_conv.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [m.kernel_size for m in convs] == [(3, 3)] * (2 if is_cascade(name) else 1)
    assert rpn.bbox_coder.stds == [1.] * 4
    assert type(rpn.loss_bbox).__name__ == 'L1Loss' and rpn.loss_bbox.loss_weight == 1
    train, test = cfg.model.train_cfg, cfg.model.test_cfg
    assigner, sampler = rpn.assigner, train.rpn.sampler
    assert (assigner.pos_iou_thr, assigner.neg_iou_thr) == (0.7, 0.3)
    assert assigner.match_low_quality and assigner.min_pos_iou == 0
    assert (sampler.num, sampler.pos_fraction) == (256, 0.5)
    for proposals, pre_nms in ((train.rpn_proposal, 2000), (test.rpn, 1000)):
        assert (proposals.nms_pre, proposals.max_per_img) == (pre_nms, 1000)
        assert proposals.nms.iou_threshold == 0.7


def test_box_heads(name, cfg, recipe, model):
    roi, cascade = model.roi_head, is_cascade(name)
    heads = roi.bbox_head if cascade else [roi.bbox_head]
    assert len(heads) == (3 if cascade else 1)
    for head, scale in zip(heads, (1, 2, 3)):
        assert [layer.out_features for layer in head.shared_fcs] == [1024] * (1 if cascade else 2)
        assert len(head.shared_convs) == (4 if cascade else 0)
        assert all(isinstance(c.norm, NORMS[recipe['norm']]) for c in head.shared_convs)
        assert head.reg_class_agnostic == cascade
        assert isinstance(head.bbox_coder, DeltaXYWHBBoxCoder)
        weights = [10 * scale] * 2 + [5 * scale] * 2
        assert [1 / std for std in head.bbox_coder.stds] == pytest.approx(weights, rel=1e-12)
        assert type(head.loss_bbox).__name__ == 'L1Loss' and head.loss_bbox.loss_weight == 1
        assert head.num_classes == recipe['num_classes']
        assert isinstance(head.loss_cls, FederatedLoss) == (recipe['num_classes'] == 1203)
        assert head.fc_cls.out_features == recipe['num_classes'] + 1
    if cascade:
        assert roi.stage_loss_weights == [1, 1, 1]
        assert len({id(head) for head in heads}) == 3
    if recipe['num_classes'] == 1203:
        loss = cfg.model.roi_head.bbox_head[0].loss_cls
        assert (loss.image_counts, loss.num_sampled, loss.power) == ('lvis_v1', 50, 0.5)


def test_mask_head_and_pooling(name, recipe, model):
    roi = model.roi_head
    mask = roi.mask_head
    assert mask.num_classes == recipe['num_classes'] and not mask.class_agnostic
    assert len(mask.convs) == 4
    for layer in mask.convs:
        assert isinstance(layer.norm if layer.with_norm else None, NORMS[recipe['norm']])
    box = roi.bbox_roi_extractor[0] if is_cascade(name) else roi.bbox_roi_extractor
    for extractor, size in ((box, 7), (roi.mask_roi_extractor, 14)):
        layer = extractor.roi_layers[0]
        assert (layer.output_size, layer.sampling_ratio, layer.aligned) == ((size, size), 0, True)
        assert len(extractor.roi_layers) == 4


def test_samples_of_the_heads(name, model):
    roi, cascade = model.roi_head, is_cascade(name)
    assigners = roi.bbox_assigner if cascade else [roi.bbox_assigner]
    samplers = roi.bbox_sampler if cascade else [roi.bbox_sampler]
    for assigner, iou in zip(assigners, (0.5, 0.6, 0.7)):
        assert (assigner.pos_iou_thr, assigner.neg_iou_thr) == (iou, iou)
        assert not assigner.match_low_quality
    first = samplers[0]
    assert isinstance(first, RandomSampler)
    assert (first.num, first.pos_fraction, first.add_gt_as_proposals) == (512, 0.25, True)
    # the later stages of a cascade take what the first sampled
    assert all(isinstance(sampler, PseudoSampler) for sampler in samplers[1:])


def test_detections(cfg, recipe):
    test = cfg.model.test_cfg.rcnn
    assert (test.score_thr, test.max_per_img) == (recipe['score_thr'], recipe['max_per_img'])
    assert (test.nms.type, test.nms.iou_threshold) == (recipe['nms'], 0.5)
    assert test.mask_thr_binary == 0.5


def test_preprocessor(cfg, recipe):
    preprocessor = cfg.model.data_preprocessor
    assert preprocessor.bgr_to_rgb and preprocessor.pad_size_divisor == recipe['pad_to']
    assert preprocessor.mean == [123.675, 116.28, 103.53]
    assert preprocessor.std == [58.395, 57.12, 57.375]


def test_weight_decay_of_every_parameter(cfg, recipe):
    cfg.model.backbone.arch = harness.SMALL
    model = harness.full_model(cfg)
    exempt = (torch.nn.LayerNorm, torch.nn.modules.batchnorm._BatchNorm)
    norms = {
        f'{prefix}.{name}'
        for prefix, module in model.named_modules() if isinstance(module, exempt)
        for name, _ in module.named_parameters()
    }
    decay = harness.decay_per_parameter(cfg, model)
    for param, value in decay.items():
        is_table = param.endswith(('rel_pos_h', 'rel_pos_w'))
        expected = recipe['rel_pos_decay'] if is_table else 0 if param in norms else 0.1
        assert value == expected, param
    assert decay['backbone.blocks.0.attn.qkv.bias'] > 0 and decay['rpn_head.rpn_cls.bias'] > 0
    assert decay['backbone.blocks.0.norm1.weight'] == 0
    assert cfg.optim_wrapper.paramwise_cfg.custom_keys.pos_embed.decay_mult == 0
    if recipe['norm'] == 'LN':
        assert decay['neck.fpn_convs.0.ln.weight'] > 0


def test_optimizer(cfg, recipe):
    assert cfg.optim_wrapper.optimizer == dict(
        type='AdamW', lr=recipe['lr'], betas=(0.9, 0.999), weight_decay=0.1)
    assert cfg.optim_wrapper.get('clip_grad') is None


def test_mixed_precision_is_float16_on_a_gpu(cfg, monkeypatch):
    assert cfg.custom_hooks == [dict(type='mvitv2_mm.FP16CompressionHook')]
    assert 'dtype' not in cfg.optim_wrapper and cfg.optim_wrapper.loss_scale == 'dynamic'
    used = {}
    monkeypatch.setattr('mmengine.runner.amp.get_device', lambda: 'cuda')
    monkeypatch.setattr('torch.autocast', lambda **kwargs: used.update(kwargs) or torch.no_grad())
    with autocast(dtype=None):
        pass
    assert used['dtype'] == torch.float16


def test_learning_rate(cfg, recipe):
    assert cfg.train_cfg.max_iters == recipe['iters']
    assert recipe['iters'] * recipe['batch'] / 118e3 == pytest.approx(recipe['epochs'], rel=0.16)
    assert cfg.train_cfg.val_interval == recipe['val_interval']
    lrs = harness.lr_per_step(cfg, recipe['iters'])
    lr, warmup, (first, second) = recipe['lr'], recipe['warmup'], recipe['milestones']
    expected = {
        0: 0.001 * lr,
        warmup // 5: (0.001 + 0.999 * (warmup // 5) / warmup) * lr,
        warmup: lr,
        first - 1: lr,
        first: 0.1 * lr,
        second - 1: 0.1 * lr,
        second: 0.01 * lr,
        recipe['iters'] - 1: 0.01 * lr
    }
    for step, value in expected.items():
        # mmengine's warm-up is one iteration ahead
        assert lrs[step] == pytest.approx(value, rel=0.01), step
    assert lrs[warmup - 2] < lr
