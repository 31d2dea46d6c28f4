"""What detection recipes do to pictures and objects, and what they are trained and tested on."""
import re
from functools import lru_cache

import harness
import numpy as np
import pytest
import synthetic_data
import torch
from detection_recipes import CASCADE_LSJ, CASCADE_TTA, MASK_RCNN_TINY, RECIPES
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.registry import MODELS, TRANSFORMS, init_default_scope

from mvitv2_mm.config_walk import leaf_datasets

SHORT_SIDES = [480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800]
DOMAINS = ('sketch', 'weather', 'cartoon', 'painting', 'tattoo', 'handmake')
# one recipe per pipeline
SQUARE = 'cascade-mask-rcnn_mvitv2-base-in21k_fpn_64xb1-amp-lsj-100e-ln_coco'
LVIS = 'cascade-mask-rcnn_mvitv2-base-in21k_fpn_64xb1-amp-lsj-100e-ln_lvis'
COCO_O = 'cascade-mask-rcnn_mvitv2-huge-in21k_fpn_64xb1-amp-lsj-3x_coco-o'
PIPELINES = {'ms-crop': MASK_RCNN_TINY, 'lsj': CASCADE_LSJ, 'lsj-square': SQUARE}


@pytest.fixture(autouse=True)
def _mmdet_scope(_default_scope):
    init_default_scope('mmdet')


@lru_cache(maxsize=None)
def config(name):
    """Not to be changed."""
    return harness.load('detection', name)


def pipeline(name):
    """The transforms of a recipe between reading and packing."""
    steps = config(name).train_dataloader.dataset.pipeline
    assert steps[0].type == 'mvitv2_mm.LoadImage' and steps[-1].type == 'mvitv2_mm.PackDetInputs'
    return steps[1:-1]


def build(steps):
    return [TRANSFORMS.build(step) for step in steps if 'Load' not in step.type]


def apply(transforms, results):
    for transform in transforms:
        results = transform(results)
    return results


def make_results(size, boxes, polygons=False):
    """Annotated image as after ``LoadAnnotations``; ``size`` is (H, W), masks are the boxes."""
    height, width = size
    masks = np.zeros((len(boxes), height, width), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes):
        mask[y1:y2, x1:x2] = 1
    shapes = [[np.array([x1, y1, x2, y1, x2, y2, x1, y2], float)] for x1, y1, x2, y2 in boxes]
    return dict(
        img=synthetic_data.make_image(0, size),
        img_shape=size,
        ori_shape=size,
        gt_bboxes=HorizontalBoxes(np.array(boxes, np.float32)),
        gt_bboxes_labels=np.arange(len(boxes)),
        gt_ignore_flags=np.zeros(len(boxes), bool),
        gt_masks=(PolygonMasks(shapes, *size) if polygons else BitmapMasks(masks, *size)))


@pytest.mark.parametrize('name', RECIPES)
def test_recipes_of_a_kind_share_a_pipeline(name):
    assert pipeline(name) == pipeline(PIPELINES[RECIPES[name]['data']])


def test_crop_and_resize_as_in_detr():
    steps = pipeline(MASK_RCNN_TINY)
    assert steps[0] == dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=True)
    half, *rest = build(steps)
    assert half.prob == 0.5
    crop_sizes, short_sides, empty = set(), set(), 0
    for _ in range(120):
        # in opposite corners
        results = make_results((480, 640), [(0, 0, 20, 20), (620, 460, 640, 480)])
        results = apply(half.transforms.transforms, results)
        crop_sizes.add(results['img'].shape[:2])
        results = apply(rest, results)
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
    assert (rest[1].prob, rest[1].direction) == (0.5, 'horizontal')


@pytest.mark.parametrize('name', [CASCADE_LSJ, SQUARE])
def test_large_scale_jitter_draws_the_official_sizes(name):
    load, flip, resize, *rest = pipeline(name)
    assert load == dict(type='mvitv2_mm.LoadObjects', with_bbox=True, with_mask=True)
    assert (flip.type, flip.prob) == ('RandomFlip', 0.5)
    resize = TRANSFORMS.build(resize)
    assert resize.scale == (1024, 1024)
    resize.scale = (128, 128)  # faster
    scales = []
    for _ in range(300):
        results = resize(make_results((120, 160), [(0, 0, 9, 9)], polygons=True))
        height, width = results['img'].shape[:2]
        assert height == pytest.approx(width * 0.75, abs=0.51)
        scales.append(width / 128)
    assert 0.09 < min(scales) < 0.13 and 1.95 < max(scales) <= 2
    assert np.mean(scales) == pytest.approx(1.05, abs=0.1)  # uniform


@pytest.mark.parametrize('name, padded', [(CASCADE_LSJ, True), (SQUARE, False)])
def test_large_scale_jitter_crops_and_pads(name, padded):
    transforms = build(pipeline(name))[2:]
    # larger than the crop: the window is random, objects outside go, boxes follow the masks
    kept = set()
    for _ in range(30):
        results = make_results((1100, 1536), [(0, 0, 100, 20), (700, 500, 800, 600)], polygons=True)
        results = apply(transforms, results)
        assert results['img'].shape == (1024, 1024, 3)
        boxes = results['gt_bboxes'].tensor
        assert (boxes.min() >= 0) and (boxes.max() <= 1024)
        kept.add(len(boxes))
        for box, polygons in zip(boxes, results['gt_masks'].masks):
            points = np.concatenate([polygon.reshape(-1, 2) for polygon in polygons])
            assert np.allclose(box.numpy(), [*points.min(0), *points.max(0)])
    assert kept == {1, 2}
    # smaller: stays at the top left
    results = make_results((60, 100), [(10, 20, 30, 40)], polygons=True)
    image = results['img'].copy()
    results = apply(transforms, results)
    assert results['gt_bboxes'].tensor.tolist() == [[10, 20, 30, 40]]
    assert (results['img'][:60, :100] == image).all()
    if padded:
        assert results['img'].shape == (1024, 1024, 3) == (*results['img_shape'], 3)
        assert (results['img'][60:] == 128).all() and (results['img'][:, 100:] == 128).all()
        assert results['gt_masks'].height == 1024
    else:
        assert results['img'].shape == (60, 100, 3)


def test_one_number_places_the_window_on_both_axes():
    crop = build(pipeline(CASCADE_LSJ))[2]
    offsets = np.array([crop._rand_offset((100, 500)) for _ in range(300)])
    assert np.allclose(offsets[:, 0] / 100, offsets[:, 1] / 500, atol=0.006)
    assert offsets.min(0).tolist() <= [3, 15] and offsets.max(0).tolist() >= [97, 485]
    assert np.mean(offsets[:, 1]) == pytest.approx(250, abs=30)


def test_boxes_are_recomputed_from_what_is_left_of_the_masks():
    """A triangle loses its tip and with it a part of its box."""
    crop = build(pipeline(CASCADE_LSJ))[2]
    crop.crop_size = (50, 100)  # width, height
    results = make_results((100, 100), [(0, 0, 100, 100)], polygons=True)
    results['gt_masks'] = PolygonMasks([[np.array([0, 0, 100, 0, 0, 100.])]], 100, 100)
    crop._rand_offset = lambda margin: (0, 50)
    box, = crop(results)['gt_bboxes'].tensor.tolist()
    assert box == [0, 0, 50, 50]  # without the masks it would be 50 x 100


@pytest.mark.parametrize('name', [SQUARE, LVIS])
def test_the_model_pads_to_squares_after_normalisation(name):
    preprocessor = MODELS.build(config(name).model.data_preprocessor)
    image = torch.full((3, 1024, 700), 255, dtype=torch.uint8)
    inputs = preprocessor(dict(inputs=[image], data_samples=None))['inputs']
    assert inputs.shape == (1, 3, 1024, 1024)
    assert (inputs[..., 700:] == 0).all() and (inputs[..., :700] > 2).all()


def test_images_are_resized_with_pillow():
    for name in (*PIPELINES.values(), CASCADE_TTA):
        cfg = config(name)
        text = str([cfg.train_dataloader, cfg.test_dataloader, cfg.get('tta_pipeline')])
        resizes = re.findall(r"'type': '\w*Resize'", text)
        as_pillow = text.count("'backend': 'pillow'") + text.count("'mvitv2_mm.ResizeObjects'")
        assert as_pillow == len(resizes) > 1


def datasets_of_test(cfg):
    dataset = cfg.test_dataloader.dataset
    return dataset.get('datasets', [dataset])


@pytest.mark.parametrize('name', RECIPES)
def test_evaluation_view(name):
    cfg = config(name)
    assert all(dataset.pipeline == cfg.test_pipeline for dataset in datasets_of_test(cfg))
    resize = TRANSFORMS.build(cfg.test_pipeline[1])
    official = {(480, 640): (800, 1067), (300, 900): (444, 1333)}
    square = {(480, 640): (768, 1024), (300, 900): (341, 1024)}
    expected = square if RECIPES[name]['data'] == 'lsj-square' else official
    for size, result in expected.items():
        assert resize(make_results(size, [(0, 0, 9, 9)]))['img'].shape[:2] == result
    assert cfg.val_dataloader.dataset.pipeline == cfg.test_pipeline
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        if evaluator.type != 'mvitv2_mm.COCOOMetric':
            assert evaluator.type == ('LVISMetric' if 'lvis' in name else 'mvitv2_mm.CocoMetric')
            assert evaluator.metric == ['bbox', 'segm']


@pytest.mark.parametrize('name', RECIPES)
def test_training_set_and_sampling(name):
    cfg = config(name)
    loader = cfg.train_dataloader
    split = 'lvis_v1_train' if 'lvis' in name else 'instances_train2017'
    assert loader.dataset.ann_file == f'annotations/{split}.json'
    assert loader.dataset.filter_cfg.filter_empty_gt  # images without objects are left out
    if 'lvis' in name:
        assert loader.dataset.type == 'mvitv2_mm.LVISV1Dataset'
        assert loader.sampler == dict(type='mvitv2_mm.RepeatFactorSampler', repeat_threshold=0.001)
    else:
        assert loader.dataset.type == 'mvitv2_mm.CocoDataset'
        assert loader.sampler == dict(type='InfiniteSampler', shuffle=True)


def test_coco_o_is_tested_with_coco():
    cfg = config(COCO_O)
    base = config(COCO_O.removesuffix('-o'))
    roots = dict(coco='data/coco/', **{name: f'data/coco-o/{name}/' for name in DOMAINS})
    assert cfg.test_evaluator == dict(type='mvitv2_mm.COCOOMetric', roots=roots)
    assert cfg.test_dataloader.dataset == dict(
        type='ConcatDataset',
        datasets=[dict(base.test_dataloader.dataset, data_root=root) for root in roots.values()])
    assert cfg.model == base.model
    # offline evaluation takes the classes from the first
    _, first = next(leaf_datasets(cfg.test_dataloader.dataset))
    assert first == base.test_dataloader.dataset


def test_views_of_the_multi_scale_test():
    cfg = config(CASCADE_TTA)
    views = TRANSFORMS.build(cfg.tta_pipeline[1])(
        dict(make_results((480, 640), [(0, 0, 9, 9)]), img_id=1, img_path='', ori_shape=(480, 640)))
    sizes = [tuple(view.shape[1:]) for view in views['inputs']]
    assert sizes[::2] == sizes[1::2]
    assert [min(size) for size in sizes[::2]] == [400, 600, 800, 1000, 1200, 1200]
    assert max(max(size) for size in sizes) == 1600
    assert [sample.flip for sample in views['data_samples']] == [False, True] * 6
