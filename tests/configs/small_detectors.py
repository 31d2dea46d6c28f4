"""Detection recipes with narrow nets, small images and little data."""
import harness
import synthetic_data
from mmdet.datasets import CocoDataset
from mmengine.config import Config


def make_coco(root, **kwargs):
    """A few pictures with the 80 categories of COCO."""
    categories = dict(enumerate(CocoDataset.METAINFO['classes'], start=1))
    return synthetic_data.make_coco(root, categories=categories, **kwargs)


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
