"""One step of training and testing with every detection recipe, shrunk, on data in its format."""
import harness
import pytest
import synthetic_data
from detection_recipes import RECIPES
from mmdet.datasets import CocoDataset, LVISV1Dataset
from mmengine.config import Config
from mmengine.registry import MODELS

TTA = 'cascade-mask-rcnn_mvitv2-large-in21k_fpn_64xb1-amp-lsj-50e-soft-nms_coco'
METRICS = {
    'coco': {'coco/bbox_mAP', 'coco/segm_mAP'},
    'lvis': {'lvis/bbox_AP', 'lvis/segm_APr'},
    'coco-o': {'coco-o/bbox_mAP_sketch', 'coco-o/bbox_mAP', 'coco-o/effective_robustness'},
}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """COCO, LVIS and COCO-O in their formats, with a few tiny pictures."""
    root = tmp_path_factory.mktemp('data')
    coco = dict(enumerate(CocoDataset.METAINFO['classes'], start=1))
    synthetic_data.make_coco(root / 'coco', categories=coco)
    synthetic_data.make_lvis(root / 'lvis_v1', classes=LVISV1Dataset.METAINFO['classes'])
    for domain in ('sketch', 'weather', 'cartoon', 'painting', 'tattoo', 'handmake'):
        synthetic_data.make_coco(root / 'coco-o' / domain, images=1, categories=coco)
    return root


def sixteenth(value):
    """Sizes in pixels, divided; numbers below 32 are none."""
    if isinstance(value, (list, tuple)):
        return type(value)(sixteenth(part) for part in value)
    return value // 16 if isinstance(value, int) and value >= 32 else value


def shrink_images(steps):
    """Divide every size in the transforms of a pipeline, in place."""
    for step in steps:
        if isinstance(step, list):
            shrink_images(step)
            continue
        shrink_images(step.get('transforms', []))
        for key in ('scale', 'scales', 'crop_size', 'size'):
            if key in step:
                step[key] = sixteenth(step[key])


def relocate(value, root):
    """Replace the folder ``data`` in all paths of a config."""
    if isinstance(value, dict):
        return {key: relocate(part, root) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(relocate(part, root) for part in value)
    is_path = isinstance(value, str) and value.startswith('data/')
    return str(root) + value[len('data'):] if is_path else value


def shrink(cfg, root):
    """Narrow nets, small images and the data in ``root``; samples, windows and anchors stay."""
    model, width = cfg.model, 8
    # a dropped block would not learn
    model.backbone.update(arch=harness.SMALL, init_cfg=None, drop_path_rate=0.)
    in_mlp = not model.backbone.get('dim_mul_in_attention', True)
    model.neck.update(
        in_channels=[16, 32, 64, 64] if in_mlp else [8, 16, 32, 64], out_channels=width)
    model.rpn_head.update(in_channels=width, feat_channels=width)
    roi = model.roi_head
    roi.bbox_roi_extractor.out_channels = roi.mask_roi_extractor.out_channels = width
    heads = roi.bbox_head if isinstance(roi.bbox_head, list) else [roi.bbox_head]
    for head in heads:
        head.update(in_channels=width, fc_out_channels=16)
        if 'conv_out_channels' in head:
            head.conv_out_channels = width
    roi.mask_head.update(in_channels=width, conv_out_channels=width)
    # an untrained net is sure of nothing; too many detections take time
    model.test_cfg.rcnn.update(score_thr=0, max_per_img=5)
    model.test_cfg.rpn.max_per_img = 20
    pad_to = model.data_preprocessor.pad_size_divisor
    model.data_preprocessor.pad_size_divisor = max(pad_to // 16, 32)
    test = cfg.test_dataloader.dataset
    datasets = [cfg.train_dataloader.dataset, *test.get('datasets', [test])]
    for steps in (*[dataset.pipeline for dataset in datasets], cfg.get('tta_pipeline', [])):
        shrink_images(steps)
    return Config(relocate(cfg.to_dict(), root))


def evaluate(cfg, model, batch):
    metas = dict(CocoDataset=CocoDataset, LVISV1Dataset=LVISV1Dataset)
    model.dataset_meta = metas[cfg.train_dataloader.dataset.type].METAINFO
    return harness.test_step(cfg, model, batch)


@pytest.mark.parametrize('name', RECIPES)
def test_a_training_step_and_a_test_step(name, data):
    cfg = shrink(harness.load('detection', name), data)
    model = MODELS.build(cfg.model)
    model.init_weights()
    batch = harness.first_batch(cfg.train_dataloader)
    assert len(batch['inputs']) == 1
    loss, unchanged = harness.train_step(cfg, model, batch)
    assert 0 < loss < (150 if 'lvis' in name else 20)  # a sum over 50 classes in three stages
    assert not unchanged
    data_name = name.split('_')[-1]
    # COCO-O needs a picture of each domain
    batch = harness.first_batch(cfg.test_dataloader, batch_size=8 if data_name == 'coco-o' else 1)
    assert METRICS[data_name] <= set(evaluate(cfg, model, batch))


def test_a_multi_scale_test_step(data):
    cfg = shrink(harness.load('detection', TTA), data)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    model = MODELS.build(dict(cfg.tta_model, module=cfg.model))
    batch = harness.first_batch(cfg.test_dataloader)
    assert len(batch['inputs']) == 12
    assert METRICS['coco'] <= set(evaluate(cfg, model, batch))
