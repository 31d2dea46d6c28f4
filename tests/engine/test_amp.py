"""``AmpOptimWrapper`` on the CPU, and heads that get float32 under bfloat16 autocast."""
import importlib

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import AmpOptimWrapper as MMEngineAmpOptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, DefaultScope
from mmengine.structures import InstanceData
from torch import nn

from mvitv2_mm.compat.mmdet.bf16_heads import to_float32
from mvitv2_mm.engine.amp import AmpOptimWrapper

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason='is about machines without a GPU')


@pytest.fixture(autouse=True)
def _repaired_heads():
    """An optimizer wrapper in bfloat16 switches the repairs on."""
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=.1)
    AmpOptimWrapper(optimizer=optimizer, dtype='bfloat16')


@no_gpu
def test_amp_trains_in_bfloat16():
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=.1)
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='mvitv2_mm.AmpOptimWrapper', optimizer=optimizer, clip_grad=dict(max_norm=1)))
    assert isinstance(wrapper, AmpOptimWrapper)
    assert isinstance(wrapper, MMEngineAmpOptimWrapper)
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        out = model(torch.ones(2, 4))
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().pow(2).mean())
    assert model.weight.dtype == torch.float32
    assert not torch.equal(model.weight, before)
    wrapper.load_state_dict(wrapper.state_dict())


@no_gpu
def test_the_loss_is_not_scaled_on_the_cpu():
    """The range of bfloat16 needs none, and a large loss would overflow."""
    model = nn.Linear(4, 1)
    before = model.weight.detach().clone()
    wrapper = AmpOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=1e-35))
    wrapper.update_params(model(torch.ones(1, 4)).sum() * 1e35)
    torch.testing.assert_close(model.weight.detach(), before - 1)


@no_gpu
def test_amp_takes_the_dtype_of_the_cpu_only():
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=.1)
    with pytest.raises(ValueError, match="dtype='float16' needs a GPU; on a CPU use"):
        AmpOptimWrapper(optimizer=optimizer, dtype='float16')


@no_gpu
def test_mmengines_class_is_left_alone():
    with pytest.raises(AssertionError, match='only available training'):
        MMEngineAmpOptimWrapper(optimizer=torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=.1))


def test_cast_touches_bfloat16_only():
    half, low = torch.ones(1, dtype=torch.float16), torch.ones(1, dtype=torch.bfloat16)
    pair = torch.ones(1), [half, (low, None, 'name')]
    cast = to_float32(pair)
    assert cast[0] is pair[0] and cast[1][0] is half
    assert cast[1][1][0].dtype == torch.float32 and cast[1][1][1:] == (None, 'name')


@pytest.fixture
def detector():
    """A small Mask R-CNN and one image with one object."""
    importlib.import_module('mmdet.models')
    det = importlib.import_module('mmdet.structures')
    masks = importlib.import_module('mmdet.structures.mask')
    DefaultScope.get_instance('bf16', scope_name='mmdet')
    loss = dict(type='CrossEntropyLoss', use_sigmoid=True)
    coder = dict(type='DeltaXYWHBBoxCoder')
    roi = dict(
        type='SingleRoIExtractor',
        roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
        out_channels=8,
        featmap_strides=[4])
    assigner = dict(
        type='MaxIoUAssigner',
        pos_iou_thr=.5,
        neg_iou_thr=.3,
        min_pos_iou=.3,
        match_low_quality=True)
    sampler = dict(type='RandomSampler', num=16, pos_fraction=.5, add_gt_as_proposals=True)
    nms = dict(type='nms', iou_threshold=.7)
    proposals = dict(nms_pre=50, max_per_img=20, nms=nms, min_bbox_size=0)
    model = importlib.import_module('mmdet.registry').MODELS.build(
        ConfigDict(
            type='MaskRCNN',
            data_preprocessor=dict(type='DetDataPreprocessor'),
            backbone=dict(
                type='ResNet',
                depth=18,
                num_stages=1,
                strides=(1, ),
                dilations=(1, ),
                out_indices=(0, ),
                base_channels=8),
            rpn_head=dict(
                type='RPNHead',
                in_channels=8,
                feat_channels=8,
                anchor_generator=dict(type='AnchorGenerator', scales=[8], ratios=[1.], strides=[4]),
                bbox_coder=coder,
                loss_cls=loss,
                loss_bbox=dict(type='L1Loss')),
            roi_head=dict(
                type='StandardRoIHead',
                bbox_roi_extractor=roi,
                mask_roi_extractor=roi,
                bbox_head=dict(
                    type='Shared2FCBBoxHead',
                    in_channels=8,
                    fc_out_channels=16,
                    roi_feat_size=7,
                    num_classes=2,
                    bbox_coder=coder,
                    loss_cls=dict(type='CrossEntropyLoss'),
                    loss_bbox=dict(type='L1Loss')),
                mask_head=dict(
                    type='FCNMaskHead',
                    num_convs=1,
                    in_channels=8,
                    conv_out_channels=8,
                    num_classes=2,
                    loss_mask=dict(type='CrossEntropyLoss', use_mask=True))),
            train_cfg=dict(
                rpn=dict(
                    assigner=assigner,
                    sampler=sampler,
                    allowed_border=-1,
                    pos_weight=-1,
                    debug=False),
                rpn_proposal=proposals,
                rcnn=dict(
                    assigner=assigner, sampler=sampler, mask_size=14, pos_weight=-1, debug=False)),
            test_cfg=dict(
                rpn=proposals, rcnn=dict(score_thr=0., nms=nms, max_per_img=5,
                                         mask_thr_binary=.5))))
    size = 64, 64
    sample = det.DetDataSample(
        metainfo=dict(
            img_shape=size,
            ori_shape=size,
            pad_shape=size,
            batch_input_shape=size,
            scale_factor=(1., 1.)),
        gt_instances=InstanceData(
            bboxes=torch.tensor([[8., 8., 40., 40.]]),
            labels=torch.tensor([1]),
            masks=masks.BitmapMasks(torch.ones(1, *size).numpy().astype('u1'), *size)))
    return model, torch.randn(1, 3, *size), [sample]


def test_mask_rcnn_under_bfloat16_autocast(detector):
    model, images, samples = detector
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(images, samples, mode='loss')
        model.parse_losses(losses)[0].backward()
        model.eval()
        with torch.no_grad():
            instances = model(images, samples, mode='predict')[0].pred_instances
    assert {'loss_rpn_cls', 'loss_cls', 'loss_bbox', 'loss_mask'} <= set(losses)
    assert all(p.grad is not None for name, p in model.named_parameters() if 'head' in name)
    assert instances.bboxes.dtype == instances.scores.dtype == torch.float32
    assert len(instances) > 0


def test_recognition_head_under_bfloat16_autocast():
    heads = importlib.import_module('mmaction.models.heads')
    structures = importlib.import_module('mmaction.structures')
    sample = structures.ActionDataSample().set_gt_label(1)
    head = heads.I3DHead(num_classes=3, in_channels=4, dropout_ratio=0, average_clips='prob')
    with torch.autocast('cpu', torch.bfloat16):
        scores = head(torch.randn(2, 4, 1, 2, 2))
        assert scores.dtype == torch.bfloat16
        loss = head.loss_by_feat(scores, [sample, sample.clone()])
        pred = head.predict_by_feat(scores, [sample, sample.clone()])[0].pred_score
    assert loss['loss_cls'].dtype == pred.dtype == torch.float32
    assert float(pred.detach().sum()) == pytest.approx(1)
