"""Every detection recipe against a table transcribed from the paper and detectron2."""
import re

import harness
import numpy as np
import pytest
import synthetic_data
import torch
from mmdet.datasets import CocoDataset
from mmdet.models.task_modules import DeltaXYWHBBoxCoder
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.registry import MODELS, TRANSFORMS
from mmengine.runner.amp import autocast

SHORT_SIDES = [480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800]

# the MViTv2 project of detectron2
PROJECT = dict(
    batch=64,
    optimizer=dict(type='AdamW', lr=1.6e-4, betas=(0.9, 0.999), weight_decay=0.1),
    iters=67500,
    # iteration: learning rate; warm-up over 250 iterations, two steps
    lr={
        0: 1.6e-7,
        125: 8.008e-5,
        250: 1.6e-4,
        52499: 1.6e-4,
        52500: 1.6e-5,
        62499: 1.6e-5,
        62500: 1.6e-6,
        67499: 1.6e-6
    },
    num_classes=80)

RECIPES = {
    'mask-rcnn_mvitv2-tiny_fpn_64xb1-amp-ms-crop-3x_coco':
    # recipes: 23,405,664 of the backbone, 43.68 M with neck and heads
    dict(PROJECT, arch='tiny', drop_path=0.2, init='mvitv2-tiny_in1k', params=(23_405_664, 43.68)),
}


@pytest.fixture(params=RECIPES)
def name(request):
    return request.param


@pytest.fixture
def cfg(name):
    return harness.load('detection', name)


@pytest.fixture
def recipe(name):
    return RECIPES[name]


def shrink(cfg):
    """Narrow nets; sizes of images, windows, samples and anchors stay."""
    model, width = cfg.model, 8
    model.backbone.update(arch=harness.SMALL, init_cfg=None)
    model.test_cfg.rcnn.score_thr = 0  # an untrained net is sure of nothing
    model.neck.update(in_channels=[8, 16, 32, 64], out_channels=width)
    model.rpn_head.update(in_channels=width, feat_channels=width)
    roi = model.roi_head
    roi.bbox_roi_extractor.out_channels = roi.mask_roi_extractor.out_channels = width
    roi.bbox_head.update(in_channels=width, fc_out_channels=16)
    roi.mask_head.update(in_channels=width, conv_out_channels=width)
    return cfg


def test_every_config_has_a_recipe_here():
    assert harness.names('detection') == sorted(RECIPES)


def test_leaves_state_only_what_differs(name):
    text = (harness.CONFIGS / 'detection' / f'{name}.py').read_text()
    assert len(text.splitlines()) <= 15


def test_name_agrees_with_body(name, cfg, recipe):
    match = re.fullmatch(
        r'(?P<detector>mask-rcnn)_mvitv2-(?P<arch>\w+)_fpn_(?P<gpus>\d+)xb(?P<batch>\d+)-'
        r'(?P<amp>amp)-ms-crop-(?P<epochs>\d+)x_coco', name)
    assert match['arch'] == cfg.model.backbone.arch == recipe['arch']
    assert cfg.model.type == {'mask-rcnn': 'MaskRCNN'}[match['detector']]
    assert int(match['batch']) == cfg.train_dataloader.batch_size
    assert int(match['gpus']) * int(match['batch']) == recipe['batch']
    assert cfg.auto_scale_lr.base_batch_size == recipe['batch']
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    # 117,266 training images have objects; "3x" means 36 epochs
    epochs = cfg.train_cfg.max_iters * recipe['batch'] / 117_266
    assert epochs == pytest.approx(12 * int(match['epochs']), rel=0.03)


def test_backbone(cfg, recipe):
    backbone = cfg.model.backbone
    assert backbone.init_cfg == dict(
        type='Pretrained', checkpoint=recipe['init'], prefix='backbone.')
    model = harness.full_model(cfg)
    backbone_params, million = recipe['params']
    assert harness.num_params(model.backbone) == backbone_params
    assert harness.num_params(model) / 1e6 == pytest.approx(million, abs=0.005)
    rates = harness.drop_path_rates(model.backbone)
    assert rates == pytest.approx(torch.linspace(0, recipe['drop_path'], len(rates)).tolist())
    specs, last = model.backbone.block_specs, model.backbone.arch.last_blocks
    # whole maps at the ends of stages 2 to 4, and there harder pooling of the keys
    assert [i for i, spec in enumerate(specs) if not spec.window_size] == list(last[1:])
    assert [specs[i].stride_kv for i in last] == [(4, 4), (4, 4), (2, 2), (1, 1)]
    assert specs[0].window_size == 56
    assert model.backbone.out_scales == (0, 1, 2, 3)
    assert model.backbone.rel_pos_zero_init
    assert not model.backbone.with_cp


def test_neck_and_rpn(cfg):
    model = harness.full_model(cfg)
    neck, rpn = model.neck, model.rpn_head
    assert all(conv.norm_cfg is None and conv.conv.bias is not None
               for conv in [*neck.lateral_convs, *neck.fpn_convs])
    assert (neck.out_channels, neck.num_outs, neck.add_extra_convs) == (256, 5, False)
    assert neck.upsample_cfg == dict(mode='nearest')
    anchors = rpn.prior_generator
    sizes = [
        np.sqrt(np.prod((base[:, 2:] - base[:, :2]).numpy(), 1)) for base in anchors.base_anchors
    ]
    assert np.allclose(sizes, np.array([[32] * 3, [64] * 3, [128] * 3, [256] * 3, [512] * 3]))
    assert anchors.ratios.tolist() == [0.5, 1, 2] and anchors.center_offset == 0
    assert anchors.strides == [(s, s) for s in (4, 8, 16, 32, 64)]
    assert isinstance(rpn.rpn_conv, torch.nn.Conv2d)  # one convolution
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


def test_mask_rcnn_heads(cfg, recipe):
    roi = harness.full_model(cfg).roi_head
    box, mask = roi.bbox_head, roi.mask_head
    assert [layer.out_features for layer in box.shared_fcs] == [1024, 1024]
    assert len(box.shared_convs) == 0 and not box.reg_class_agnostic
    assert isinstance(box.bbox_coder, DeltaXYWHBBoxCoder)
    assert [1 / std for std in box.bbox_coder.stds] == pytest.approx([10, 10, 5, 5])
    assert type(box.loss_bbox).__name__ == 'L1Loss' and box.loss_bbox.loss_weight == 1
    assert box.num_classes == mask.num_classes == recipe['num_classes']
    assert len(mask.convs) == 4 and all(conv.norm_cfg is None for conv in mask.convs)
    for extractor, size in ((roi.bbox_roi_extractor, 7), (roi.mask_roi_extractor, 14)):
        layer = extractor.roi_layers[0]
        assert (layer.output_size, layer.sampling_ratio, layer.aligned) == ((size, size), 0, True)
        assert len(extractor.roi_layers) == 4
    assigner, sampler = roi.bbox_assigner, cfg.model.train_cfg.rcnn.sampler
    assert (assigner.pos_iou_thr, assigner.neg_iou_thr) == (0.5, 0.5)
    assert not assigner.match_low_quality
    assert (sampler.num, sampler.pos_fraction, sampler.add_gt_as_proposals) == (512, 0.25, True)
    test = cfg.model.test_cfg.rcnn
    assert (test.score_thr, test.nms.type, test.nms.iou_threshold, test.max_per_img,
            test.mask_thr_binary) == (0.05, 'nms', 0.5, 100, 0.5)


def test_preprocessor(cfg):
    preprocessor = cfg.model.data_preprocessor
    assert preprocessor.bgr_to_rgb and preprocessor.pad_size_divisor == 32
    assert preprocessor.mean == [123.675, 116.28, 103.53]
    assert preprocessor.std == [58.395, 57.12, 57.375]


def test_optimizer(cfg, recipe):
    model = MODELS.build(shrink(cfg).model)
    norms = {
        f'{prefix}.{name}'
        for prefix, module in model.named_modules()
        if isinstance(module, (torch.nn.LayerNorm, torch.nn.GroupNorm,
                               torch.nn.modules.batchnorm._BatchNorm))
        for name, _ in module.named_parameters()
    }
    decay = harness.decay_per_parameter(cfg, model)
    for name, value in decay.items():
        exempt = name in norms or name.endswith(('rel_pos_h', 'rel_pos_w', 'pos_embed'))
        assert value == (0 if exempt else recipe['optimizer']['weight_decay']), name
    assert decay['backbone.blocks.0.attn.qkv.bias'] > 0 and decay['rpn_head.rpn_conv.bias'] > 0
    assert cfg.optim_wrapper.optimizer == recipe['optimizer']
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
    lrs = harness.lr_per_step(cfg, recipe['iters'])
    for step, lr in recipe['lr'].items():
        # mmengine's warm-up is one iteration ahead
        assert lrs[step] == pytest.approx(lr, rel=0.005), step


def make_results(size, seed=0):
    """Annotated image as after ``LoadAnnotations``; ``size`` is (H, W)."""
    height, width = size
    # in opposite corners
    boxes = np.array([[0, 0, 20, 20], [width - 20, height - 20, width, height]], np.float32)
    masks = np.zeros((2, height, width), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int)):
        mask[y1:y2, x1:x2] = 1
    return dict(
        img=synthetic_data.make_image(seed, size),
        img_shape=size,
        ori_shape=size,
        gt_bboxes=HorizontalBoxes(boxes),
        gt_bboxes_labels=np.array([0, 1]),
        gt_ignore_flags=np.array([False, False]),
        gt_masks=BitmapMasks(masks, height, width),
        img_id=1,
        img_path='')


def test_training_augmentation(cfg):
    pipeline = cfg.train_dataloader.dataset.pipeline
    assert pipeline[1] == dict(
        type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=True)
    transforms = [TRANSFORMS.build(step) for step in pipeline[2:-1]]
    assert transforms[0].prob == 0.5
    crop_sizes, short_sides, empty = set(), set(), 0
    for seed in range(120):
        results = make_results((480, 640), seed)
        for transform in transforms[0].transforms.transforms:
            results = transform(results)
        crop_sizes.add(results['img'].shape[:2])
        for transform in transforms[1:]:
            results = transform(results)
        height, width = results['img'].shape[:2]
        assert max(height, width) <= 1333
        short_sides.add(min(height, width))
        empty += len(results['gt_bboxes']) == 0
        masks = results['gt_masks'].masks
        assert len(masks) == len(results['gt_bboxes']) and all(mask.any() for mask in masks)
    # crops between 384 and 600 wherever the image (short side 400, 500 or 600) allows
    heights = np.array(sorted(crop_sizes))
    assert heights.min() >= 384 and heights.max() <= 600
    assert heights.min() < 390 and heights.max() > 590
    assert set(SHORT_SIDES) <= short_sides
    assert empty  # images whose crop holds no object are trained on
    flip = transforms[2]
    assert (flip.prob, flip.direction) == (0.5, 'horizontal')


def test_images_are_resized_with_pillow(cfg):
    resizes = [
        cfg.train_dataloader.dataset.pipeline[2].transforms[0],
        cfg.train_dataloader.dataset.pipeline[3], cfg.test_dataloader.dataset.pipeline[1]
    ]
    assert all(step.backend == 'pillow' and step.keep_ratio for step in resizes)


def test_evaluation_view(cfg):
    resize = TRANSFORMS.build(cfg.test_dataloader.dataset.pipeline[1])
    for size, expected in (((480, 640), (800, 1067)), ((300, 900), (444, 1333))):
        assert resize(make_results(size))['img'].shape[:2] == expected
    assert cfg.test_evaluator.type == 'CocoMetric'
    assert cfg.test_evaluator.metric == ['bbox', 'segm']


def test_images_without_objects_are_left_out(cfg):
    assert cfg.train_dataloader.dataset.filter_cfg.filter_empty_gt
    assert cfg.train_dataloader.sampler == dict(type='InfiniteSampler', shuffle=True)


def test_a_training_step_and_a_test_step(cfg, tmp_path):
    classes = CocoDataset.METAINFO['classes']
    root = synthetic_data.make_coco(tmp_path / 'coco', categories=dict(enumerate(classes, start=1)))
    for loop in ('train', 'test'):
        cfg[f'{loop}_dataloader'].dataset.data_root = root
    cfg.test_evaluator.ann_file = f'{root}/annotations/instances_val2017.json'
    model = MODELS.build(shrink(cfg).model)
    model.init_weights()
    batch = harness.first_batch(cfg.train_dataloader)
    assert len(batch['inputs']) == 1
    loss, unchanged = harness.train_step(cfg, model, batch)
    assert 0 < loss < 20
    assert not unchanged
    batch = harness.first_batch(cfg.test_dataloader)
    assert batch['inputs'][0].shape == (3, 800, 1067)
    model.dataset_meta = dict(classes=classes)
    assert {'coco/bbox_mAP', 'coco/segm_mAP'} <= set(harness.test_step(cfg, model, batch))
