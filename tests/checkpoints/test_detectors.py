"""Whole detectors of detectron2: every tensor lands where it belongs, and detections are equal."""
import pickle

import numpy as np
import pytest
import torch
from mmdet.models.roi_heads import CascadeRoIHead as MMDetCascadeRoIHead
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict
from mmengine.runner import load_checkpoint
from mmengine.structures import InstanceData
from oracles import ARCH, SIZE, image_net, randomise, to_detectron2
from torch.utils._pytree import tree_leaves
from torchvision.ops import batched_nms

import mvitv2_mm.models.mmdet.cascade_roi_head  # noqa: F401
from mvitv2_mm import MViTv2
from mvitv2_mm.checkpoints import CheckpointError, convert, read_source

CLASSES, WIDTH, FC = 3, 16, 32
STDS = ([.1, .1, .2, .2], [.05, .05, .1, .1], [1 / 30, 1 / 30, 1 / 15, 1 / 15])
LN = dict(type='mvitv2_mm.LayerNorm2d', eps=1e-6)


def detector(cascade=True, norm=None, stock=False, fc=FC):
    """A small Mask R-CNN or cascade; ``stock`` is mmdet's own cascade."""
    if cascade and norm is None:
        norm = dict(type='BN')
    shared = dict(num_classes=CLASSES, in_channels=WIDTH)
    convs = dict(conv_out_channels=WIDTH, norm_cfg=norm)
    box = dict(
        shared,
        fc_out_channels=fc,
        reg_class_agnostic=cascade,
        loss_bbox=dict(type='L1Loss'),
        type='Shared2FCBBoxHead')
    if cascade:
        box.update(convs, type='ConvFCBBoxHead', num_shared_convs=4, num_shared_fcs=1)
    boxes = [dict(box, bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_stds=s)) for s in STDS]
    extractors = [
        dict(
            type='SingleRoIExtractor',
            out_channels=WIDTH,
            featmap_strides=[4, 8, 16, 32],
            roi_layer=dict(type='RoIAlign', output_size=size)) for size in (7, 14)
    ]
    roi_head = dict(
        type='StandardRoIHead',
        bbox_roi_extractor=extractors[0],
        bbox_head=boxes[0],
        mask_roi_extractor=extractors[1],
        mask_head=dict(shared, **convs, type='FCNMaskHead'))
    if cascade:
        roi_head.update(
            type='CascadeRoIHead' if stock else 'mvitv2_mm.CascadeRoIHead',
            num_stages=3,
            stage_loss_weights=[1, 1, 1],
            bbox_head=boxes)
    nms = dict(type='nms', iou_threshold=0.5)
    return MODELS.build(
        ConfigDict(
            type='mmdet.CascadeRCNN' if cascade else 'mmdet.MaskRCNN',
            _scope_='mmdet',
            backbone=dict(
                type='mvitv2_mm.MViTv2',
                arch=ARCH,
                input_size=SIZE,
                window_size=16,
                out_scales=(0, 1, 2, 3)),
            neck=dict(
                type='FPN',
                in_channels=[16, 32, 64, 128],
                out_channels=WIDTH,
                num_outs=5,
                norm_cfg=norm if norm == LN else None),
            rpn_head=dict(
                type='RPNHead',
                in_channels=WIDTH,
                feat_channels=WIDTH,
                num_convs=1 + cascade,
                anchor_generator=dict(
                    type='AnchorGenerator',
                    scales=[8],
                    ratios=[.5, 1., 2.],
                    strides=[4, 8, 16, 32, 64])),
            roi_head=roi_head,
            train_cfg=None,
            test_cfg=dict(
                rpn=dict(nms_pre=100, max_per_img=50, nms=nms, min_bbox_size=0),
                rcnn=dict(score_thr=.05, nms=nms, max_per_img=20, mask_thr_binary=.5))))


def random_detector(**kwargs):
    """Scores and boxes spread over a sensible range, like those of a trained detector."""
    model = randomise(detector(**kwargs))
    with torch.no_grad():
        for name, param in model.named_parameters():
            if param.dim() > 1 and not name.startswith('backbone'):
                gain = 0.1 if 'reg' in name else 1 if 'fc_cls' in name else 1.4
                param.mul_(gain / 0.2 / param[0].numel()**0.5)
    return model


VARIANTS = {
    'mask': dict(cascade=False),
    'cascade': dict(),
    'layer norm': dict(norm=LN),
}


@pytest.fixture(scope='module', params=VARIANTS)
def case(request, tmp_path_factory):
    """A random detector, and its weights in a file as detectron2 writes them."""
    make = VARIANTS[request.param]
    model = random_detector(**make)
    arrays = {k: v.numpy() for k, v in to_detectron2(model.state_dict()).items()}
    stray = {
        'pixel_mean': np.zeros((3, 1, 1), 'f4'),
        'pixel_std': np.ones((3, 1, 1), 'f4'),
        'proposal_generator.anchor_generator.cell_anchors.0': np.zeros((3, 4), 'f4'),
        'roi_heads.box_predictor.0.fed_loss_cls_weights': np.ones(CLASSES, 'f4')
    }
    path = tmp_path_factory.mktemp('files') / 'model'
    path.write_bytes(
        pickle.dumps({
            'model': {
                **arrays,
                **stray
            },
            '__author__': 'x',
            'matching_heuristics': True
        }, 2))
    return make, model, arrays, path


@torch.no_grad()
def detect(model):
    size = (64, 96)
    sample = DetDataSample()
    sample.set_metainfo(dict(img_shape=size, ori_shape=size, scale_factor=(1, 1)))
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 4 - 2
    return model.predict(image, [sample])[0].pred_instances


def test_same_detections(case):
    make, source, _, path = case
    model = detector(**make).eval()
    expected = detect(source)
    assert len(expected) > 5 and expected.scores.std() > 0.01 and expected.masks.any()
    load_checkpoint(model, str(path), strict=True)
    found, state = model.state_dict(), source.state_dict()
    for key, value in state.items():
        assert torch.equal(found[key], value), key
    result = detect(model)
    assert torch.equal(result.labels, expected.labels)
    assert torch.equal(result.masks, expected.masks)
    torch.testing.assert_close(result.scores, expected.scores)
    torch.testing.assert_close(result.bboxes, expected.bboxes)
    # negative control
    model.roi_head.mask_head.convs[1].conv.weight.data.roll(1, 0)
    model.neck.lateral_convs[1].conv.weight.data.copy_(
        state['neck.lateral_convs.1.conv.weight'].roll(1, 0))
    assert not torch.equal(detect(model).bboxes, expected.bboxes)


def test_there_and_back_bit_for_bit(case, tmp_path):
    _, _, arrays, path = case
    report = convert(path, tmp_path / 'ours.pth')
    assert {entry.source
            for entry in report.of('ignored')} == {
                'pixel_mean', 'pixel_std', 'proposal_generator.anchor_generator.cell_anchors.0',
                'roi_heads.box_predictor.0.fed_loss_cls_weights'
            }
    convert(tmp_path / 'ours.pth', tmp_path / 'back.pkl', to='detectron2')
    back = pickle.loads((tmp_path / 'back.pkl').read_bytes(), encoding='latin1')
    assert back['__author__'] and back['model'].keys() == arrays.keys()
    for key, value in arrays.items():
        np.testing.assert_array_equal(back['model'][key], value, err_msg=key)


@pytest.mark.parametrize('prefix', ['bottom_up.', ''])
def test_backbone_alone(tmp_path, prefix):
    model = random_detector()
    state = {
        k.replace('backbone.bottom_up.', prefix): v
        for k, v in to_detectron2(model.state_dict()).items() if '.bottom_up.' in k
    }
    torch.save({'model': state, 'iteration': 3}, tmp_path / 'f')
    other = detector().backbone
    load_checkpoint(other, str(tmp_path / 'f'), strict=True)
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


def test_detector_to_classifier(case, tmp_path):
    _, source, _, path = case
    model = MViTv2(ARCH, input_size=SIZE)
    load_checkpoint(model, str(path))
    assert torch.equal(model.norm3.weight, source.backbone.norm3.weight)


def test_classifier_is_not_taken_for_a_box_head(tmp_path):
    """Even where the shapes agree: the names are those of AVA's head."""
    model = detector(cascade=False, fc=128)
    before = model.roi_head.bbox_head.fc_cls.weight.clone()
    net = randomise(image_net(num_classes=CLASSES + 1))
    torch.save(net.state_dict(), tmp_path / 'f')
    load_checkpoint(model, str(tmp_path / 'f'))
    assert net.fc[0].weight.shape == before.shape
    assert torch.equal(model.roi_head.bbox_head.fc_cls.weight, before)
    assert torch.equal(model.backbone.blocks[1].proj.weight, net.backbone.blocks[1].proj.weight)


def test_one_mask_head_becomes_three_and_one_again(tmp_path):
    source = random_detector()
    state = to_detectron2(source.state_dict())
    torch.save({'model': state}, tmp_path / 'f')
    stock = detector(stock=True)
    load_checkpoint(stock, str(tmp_path / 'f'), strict=True)
    mask_head = source.roi_head.mask_head.state_dict()
    for stage in range(3):
        for key, value in stock.roi_head.mask_head[stage].state_dict().items():
            assert torch.equal(value, mask_head[key])
    torch.save({'state_dict': stock.state_dict()}, tmp_path / 'stock')
    convert(tmp_path / 'stock', tmp_path / 'back.pth', to='detectron2')
    back = torch.load(tmp_path / 'back.pth')['model']
    assert back.keys() == state.keys() and all(torch.equal(back[k], state[k]) for k in state)
    stock.roi_head.mask_head[1].conv_logits.bias.data += 1
    torch.save({'state_dict': stock.state_dict()}, tmp_path / 'stock')
    with pytest.raises(CheckpointError, match='detectron2 has one mask head for all stages'):
        convert(tmp_path / 'stock', tmp_path / 'back.pth', to='detectron2')


def decode(rois, deltas, stds, size):
    """Boxes from deltas, clipped to the image; written out as in detectron2."""
    dx, dy, dw, dh = (deltas * deltas.new_tensor(stds)).unbind(1)
    dw, dh = (d.clamp(max=np.log(1000 / 16)) for d in (dw, dh))
    x1, y1, x2, y2 = rois.unbind(1)
    w, h = x2 - x1, y2 - y1
    x, y = x1 + w / 2 + dx * w, y1 + h / 2 + dy * h
    w, h = w * dw.exp(), h * dh.exp()
    boxes = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
    limit = boxes.new_tensor([size[1], size[0]] * 2)
    return boxes.clamp(min=0).minimum(limit)


@torch.no_grad()
def test_cascade_averages_probabilities():
    """Against an independent cascade; mmdet's own averages logits and differs."""
    model = random_detector()
    head, size = model.roi_head, (64, 96)
    feats = model.extract_feat(torch.rand(1, 3, *size) * 4 - 2)
    start = torch.rand(30, 2) * 40
    proposals = torch.cat([start, start + 8 + torch.rand(30, 2) * 30], 1)

    boxes, probs = proposals, []
    for stage in range(3):
        roi_feats = head.bbox_roi_extractor[stage](feats[:4], bbox2roi([boxes]))
        logits, deltas = head.bbox_head[stage](roi_feats)
        probs.append(logits.softmax(1))
        boxes = decode(boxes, deltas, STDS[stage], size)
    scores = sum(probs)[:, :CLASSES] / 3
    index, labels = (scores > 0.05).nonzero().T
    scores = scores[index, labels]
    keep = batched_nms(boxes[index], scores, labels, 0.5)[:20]

    meta = [dict(img_shape=size, ori_shape=size, scale_factor=(1, 1))]

    def predict(predict_bbox):
        results = [InstanceData(bboxes=proposals, scores=torch.ones(30))]
        return predict_bbox(head, feats, meta, results, head.test_cfg)[0]

    found = predict(type(head).predict_bbox)
    assert torch.equal(found.labels, labels[keep])
    torch.testing.assert_close(found.scores, scores[keep], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.bboxes, boxes[index][keep], atol=1e-4, rtol=1e-5)

    stock = detector(stock=True)
    stock.load_state_dict(model.state_dict(), strict=False)
    head = stock.eval().roi_head
    other = predict(MMDetCascadeRoIHead.predict_bbox)
    assert len(other) != len(found) or (other.scores - found.scores).abs().max() > 1e-3


def test_cascade_in_training():
    """Box features get a third of the gradient, heads the whole; masks train in stage 0 only."""
    model, stock = random_detector(), detector(stock=True)
    stock.load_state_dict(model.state_dict(), strict=False)
    rois = torch.tensor([[0., 4, 4, 30, 30], [0, 10, 8, 50, 44]])
    grads = []
    for net in (model, stock):
        net.train()
        maps = [
            torch.rand(1, WIDTH, 64 // s, 64 // s,
                       generator=torch.Generator().manual_seed(s)).requires_grad_()
            for s in (4, 8, 16, 32)
        ]
        net.roi_head._bbox_forward(1, maps, rois)['cls_score'].square().sum().backward()
        grads.append((maps[0].grad, net.roi_head.bbox_head[1].fc_cls.weight.grad))
    torch.testing.assert_close(grads[0][0] * 3, grads[1][0])
    torch.testing.assert_close(grads[0][1], grads[1][1])
    assert grads[0][0].any()
    assert model.roi_head.mask_loss(1, maps, [], [])['loss_mask'] == {}


def test_tensor_mode_runs_all_heads():
    """What counting FLOPs calls."""
    model = random_detector()
    image = torch.rand(1, 3, 64, 64)
    sample = DetDataSample(metainfo=dict(img_shape=(64, 64), scale_factor=(1, 1)))
    outputs = tree_leaves(model(image, [sample], mode='tensor'))
    assert any(out.shape[1:] == (CLASSES, 28, 28) for out in outputs)
    assert any(out.shape[1:] == (CLASSES + 1, ) for out in outputs)


def test_source_is_described(case):
    _, _, _, path = case
    text = read_source(path).describe()
    assert text.startswith('detectron2 checkpoint of a custom MViTv2 (image, 5 blocks')
    assert text.endswith(f'{CLASSES} classes)')
