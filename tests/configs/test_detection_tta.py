"""Test-time augmentation of detectors against plain detections."""
import harness
import pytest
import torch
from detection_recipes import CASCADE_TINY, MASK_RCNN_TINY
from mmengine.registry import MODELS
from small_detectors import make_coco, shrink

META_KEYS = ('img_id', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    make_coco(root / 'coco')
    return root


@pytest.fixture(params=[MASK_RCNN_TINY, CASCADE_TINY])
def cfg(request, root):
    return shrink(harness.load('detection', request.param), root)


@pytest.fixture
def model(cfg):
    """Random weights, boxes that move, and no score that bfloat16 or chance decides."""
    model = MODELS.build(dict(type='mvitv2_mm.InstanceTTA', module=cfg.model)).eval()
    model.module.init_weights()
    for head in model.modules():
        for name in ('fc_cls', 'fc_reg', 'rpn_reg', 'conv_logits'):
            if hasattr(head, name):
                torch.nn.init.normal_(getattr(head, name).weight, std=0.3)
    return model


def views_of_a_picture(cfg, sides, flips):
    steps = [
        dict(type='LoadImageFromFile'),
        dict(
            type='TestTimeAug',
            transforms=[[dict(type='Resize', scale=(96, side), keep_ratio=True) for side in sides],
                        [dict(type='RandomFlip', prob=float(flip)) for flip in flips],
                        [dict(type='PackDetInputs', meta_keys=META_KEYS)]])
    ]
    cfg.test_dataloader.dataset.pipeline = steps
    return harness.first_batch(cfg.test_dataloader, batch_size=2)


def plain(model, batch, view=0):
    """Detections of a view without the wrapper; they ignore that it may be flipped."""
    batch = {key: value[view] for key, value in batch.items()}
    with torch.no_grad():
        return [sample.pred_instances for sample in model.module.test_step(batch)]


def augmented(model, batch):
    return [sample.pred_instances for sample in model.test_step(batch)]


def assert_same(actual, expected, mask_tolerance=0.):
    for a, b in zip(actual, expected, strict=True):
        assert len(a) == len(b) > 0
        assert a.labels.tolist() == b.labels.tolist()
        assert torch.allclose(a.scores, b.scores, atol=1e-5)
        assert torch.allclose(a.bboxes, b.bboxes, atol=1e-3)
        assert b.masks.any()
        assert (a.masks != b.masks).float().mean() <= mask_tolerance


@pytest.mark.parametrize('views', [1, 2])
def test_equal_views_give_the_detections_of_one(cfg, model, views):
    batch = views_of_a_picture(cfg, [64] * views, [False])
    assert_same(augmented(model, batch), plain(model, batch))


def test_a_flipped_view_is_flipped_back(cfg, model):
    batch = views_of_a_picture(cfg, [64], [True])
    expected = plain(model, batch)
    width = batch['data_samples'][0][0].ori_shape[1]
    for instances in expected:
        x1, y1, x2, y2 = instances.bboxes.unbind(1)
        instances.bboxes = torch.stack([width - x2, y1, width - x1, y2], 1)
        instances.masks = instances.masks.flip(-1)
    assert_same(augmented(model, batch), expected, mask_tolerance=1e-3)
    unflipped = views_of_a_picture(cfg, [64], [False])
    assert not torch.allclose(plain(model, unflipped)[0].bboxes, expected[0].bboxes, atol=1)


def test_views_of_two_sizes_are_merged(cfg, model):
    """Every box is one of a view, with its score; no view is ignored."""
    batch = views_of_a_picture(cfg, [48, 64], [False, True])
    found = {}
    for view in range(4):
        flip = batch['data_samples'][view][0].flip
        for box, score in zip(*(plain(model, batch, view)[0][k] for k in ('bboxes', 'scores'))):
            x1, y1, x2, y2 = box.tolist()
            box = (80 - x2, y1, 80 - x1, y2) if flip else (x1, y1, x2, y2)
            found[tuple(round(x, 2) for x in box)] = view, score.item()
    merged = augmented(model, batch)[0]
    used = [found[tuple(round(x, 2) for x in box)] for box in merged.bboxes.tolist()]
    assert [score for _, score in used] == pytest.approx(merged.scores.tolist(), abs=1e-5)
    assert len({view for view, _ in used}) > 1
    assert len(merged) == 5 and merged.scores.tolist() == sorted(merged.scores.tolist())[::-1]


def test_masks_are_averaged_over_views(cfg, model, monkeypatch):
    """A view whose masks are certain decides against one that is not."""
    batch = views_of_a_picture(cfg, [64, 64], [False])
    probs = iter([0.9, 0.2, 0.7, 0.2] * 2)  # of view 1 and 2, of picture 1 and 2
    roi_head = model.module.roi_head
    forward = roi_head._mask_forward

    def constant(*args):
        preds = forward(*args)['mask_preds']
        return dict(mask_preds=torch.full_like(preds, next(probs)).logit())

    monkeypatch.setattr(roi_head, '_mask_forward', constant)
    first, second = augmented(model, batch)
    assert first.masks.any() and not second.masks.any()  # 0.55 and 0.45


def test_nothing_found(cfg, model):
    model.module.roi_head.test_cfg.score_thr = 2.
    for instances in augmented(model, views_of_a_picture(cfg, [48, 64], [False, True])):
        assert len(instances) == 0 and instances.masks.shape == (0, 60, 80)
