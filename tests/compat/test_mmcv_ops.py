"""The ops of mmcv: stand-in and compiled provider against plain loops, and against each other."""
import importlib
import math

import numpy as np
import pytest
import torch
from mmcv import ops

from mvitv2_mm.compat.mmcv.ops import make_ext

STAND_IN = make_ext('stand_in')
INSTALLED = importlib.import_module('mmcv._ext')
COMPILED = INSTALLED if getattr(INSTALLED, '__file__', None) else None
needs_compiled = pytest.mark.skipif(
    COMPILED is None, reason='no compiled mmcv: run make setup MMCV=full to compare providers')
PROVIDERS = [
    pytest.param(STAND_IN, id='stand-in'),
    pytest.param(COMPILED, id='compiled', marks=needs_compiled)
]
provider = pytest.mark.parametrize('ext', PROVIDERS)


def random_boxes(num, seed=0):
    """Overlapping boxes with distinct scores; the first box is empty."""
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 12, (num, 2)), rng.uniform(5, 20, (num, 2))
    size[0] = 0
    scores = rng.permutation(num) / num + .01
    return np.concatenate([corner, corner + size], 1).astype('f4'), scores.astype('f4')


def loop_iou(a, b, offset):
    width = max(min(a[2], b[2]) - max(a[0], b[0]) + offset, 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]) + offset, 0)
    area_a = (a[2] - a[0] + offset) * (a[3] - a[1] + offset)
    area_b = (b[2] - b[0] + offset) * (b[3] - b[1] + offset)
    union = area_a + area_b - width * height
    return width * height / union if union else 0.


def loop_nms(boxes, scores, threshold, offset):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(loop_iou(boxes[i], boxes[j], offset) <= threshold for j in kept):
            kept.append(i)
    return kept


def loop_soft_nms(boxes, scores, threshold, sigma, min_score, method, offset):
    scores = {i: float(score) for i, score in enumerate(scores)}
    kept = []
    while scores:
        best = max(scores, key=scores.get)
        kept.append((best, scores.pop(best)))
        for i in list(scores):
            iou = loop_iou(boxes[best], boxes[i], offset)
            if method == 2:
                scores[i] *= math.exp(-iou * iou / sigma)
            elif iou >= threshold:
                scores[i] *= 1 - iou if method == 1 else 0
            if scores[i] < min_score:
                del scores[i]
    return kept


def loop_bilinear(feat, y, x):
    """Value of a map (H, W) between its pixel centres; 0 more than one pixel outside."""
    height, width = feat.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    return ((1 - dy) * ((1 - dx) * feat[top, left] + dx * feat[top, right]) + dy *
            ((1 - dx) * feat[bottom, left] + dx * feat[bottom, right]))


def loop_roi_align(feats, rois, size, scale, sampling_ratio, aligned):
    out = np.zeros((len(rois), feats.shape[1], *size))
    for n, (image, *box) in enumerate(rois):
        x1, y1, x2, y2 = [v * scale - .5 * aligned for v in box]
        if not aligned:
            x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
        bin_h, bin_w = (y2 - y1) / size[0], (x2 - x1) / size[1]
        num_h = sampling_ratio or math.ceil(bin_h)
        num_w = sampling_ratio or math.ceil(bin_w)
        for c, i, j in np.ndindex(feats.shape[1], *size):
            values = [
                loop_bilinear(feats[int(image), c], y1 + bin_h * (i + (u + .5) / num_h),
                              x1 + bin_w * (j + (v + .5) / num_w)) for u in range(num_h)
                for v in range(num_w)
            ]
            out[n, c, i, j] = sum(values) / max(len(values), 1)
    return out


@provider
@pytest.mark.parametrize('threshold', [0., .3, .7])
@pytest.mark.parametrize('offset', [0, 1])
def test_nms(ext, threshold, offset):
    boxes, scores = random_boxes(60)
    kept = ext.nms(
        torch.from_numpy(boxes), torch.from_numpy(scores), iou_threshold=threshold, offset=offset)
    assert kept.tolist() == loop_nms(boxes, scores, threshold, offset)
    assert 1 < len(kept) < 60  # the case is neither trivial way


@provider
@pytest.mark.parametrize('method', [0, 1, 2], ids=['naive', 'linear', 'gaussian'])
@pytest.mark.parametrize('offset', [0, 1])
def test_soft_nms(ext, method, offset):
    boxes, scores = random_boxes(60, seed=1)
    dets = torch.full((60, 5), -1.)
    settings = dict(sigma=.5, min_score=.05, method=method, offset=offset)
    inds = ext.softnms(
        torch.from_numpy(boxes), torch.from_numpy(scores), dets, iou_threshold=.3, **settings)
    expected = loop_soft_nms(boxes, scores, .3, **settings)
    assert inds.tolist() == [i for i, _ in expected]
    dets = dets[:len(inds)].numpy()
    np.testing.assert_array_equal(dets[:, :4], boxes[inds])
    np.testing.assert_allclose(dets[:, 4], [score for _, score in expected], rtol=1e-5)
    assert 1 < len(inds) < 60


@provider
@pytest.mark.parametrize('method', [0, 1], ids=['naive', 'linear'])
def test_soft_nms_at_its_limits(ext, method):
    """An IoU that equals the threshold counts as overlap, a score that equals the least is kept."""
    boxes, scores = np.array([[0, 0, 4, 2], [0, 0, 2, 2]], 'f4'), np.array([1, .5], 'f4')
    settings = dict(sigma=.5, min_score=.25 * method, method=method, offset=0)
    expected = loop_soft_nms(boxes, scores, .5, **settings)
    dets = torch.full((2, 5), -1.)
    ext.softnms(
        torch.from_numpy(boxes), torch.from_numpy(scores), dets, iou_threshold=.5, **settings)
    assert dets[:, 4].tolist() == [score for _, score in expected] == [1., .25 * method]


def test_soft_nms_of_empty_boxes():
    """Their IoU is 0 / 0; it must not turn scores into NaN."""
    dets = torch.zeros(3, 5)
    inds = STAND_IN.softnms(
        torch.zeros(3, 4),
        torch.tensor([.5, .9, .7]),
        dets,
        iou_threshold=.3,
        sigma=.5,
        min_score=0.,
        method=2,
        offset=0)
    assert inds.tolist() == [1, 2, 0]
    assert dets[:, 4].tolist() == pytest.approx([.9, .7, .5])


def call_roi_align(ext, feats, rois, size, scale, sampling_ratio, aligned):
    """Forward with ones as gradient: result and gradient of the features."""
    settings = dict(
        aligned_height=size[0],
        aligned_width=size[1],
        spatial_scale=scale,
        sampling_ratio=sampling_ratio,
        pool_mode=1,
        aligned=aligned)
    unused = feats.new_zeros(0)
    output = feats.new_zeros(len(rois), feats.shape[1], *size)
    ext.roi_align_forward(feats, rois, output, unused, unused, **settings)
    grad = torch.zeros_like(feats)
    ext.roi_align_backward(output.cos(), rois, unused, unused, grad, **settings)
    return output, grad


ROIS = torch.tensor([[0, 1.3, 2.1, 22.7, 17.9], [1, 0, 0, 31, 31], [1, 10, 9, 10.5, 9.2],
                     [0, -6, -7, 40, 50], [0, 4, 4, 4, 4]])
ROI_CASES = pytest.mark.parametrize('size, scale, sampling_ratio, aligned', [
    ((3, 2), .5, 0, True),
    ((2, 3), .5, 2, True),
    ((2, 2), .25, 0, False),
    ((2, 2), .25, 3, False),
])


@provider
@ROI_CASES
def test_roi_align(ext, size, scale, sampling_ratio, aligned):
    feats = torch.randn(2, 3, 16, 16)
    output, _ = call_roi_align(ext, feats, ROIS, size, scale, sampling_ratio, aligned)
    expected = loop_roi_align(feats.numpy(), ROIS.numpy(), size, scale, sampling_ratio, aligned)
    np.testing.assert_allclose(output.numpy(), expected, atol=1e-5)
    # negative control: the other alignment gives other values
    other = loop_roi_align(feats.numpy(), ROIS.numpy(), size, scale, sampling_ratio, not aligned)
    assert np.abs(other - expected).max() > .01


@pytest.mark.gpu
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_gpu_agrees_with_the_cpu(dtype):
    case = ROIS, (2, 2), .5, 0, True
    feats = torch.randn(2, 3, 16, 16).to(dtype)
    on_cpu = call_roi_align(STAND_IN, feats, *case)
    on_gpu = call_roi_align(STAND_IN, feats.cuda(), case[0].cuda(), *case[1:])
    for expected, result in zip(on_cpu, on_gpu):
        torch.testing.assert_close(result.cpu(), expected, atol=1e-2, rtol=1e-2)
    boxes, scores = map(torch.from_numpy, random_boxes(1000))
    kept = ops.nms(boxes.cuda(), scores.cuda(), .5)[1]
    assert kept.tolist() == ops.nms(boxes, scores, .5)[1].tolist()


@needs_compiled
@ROI_CASES
def test_roi_align_providers_agree(size, scale, sampling_ratio, aligned):
    feats = torch.randn(2, 3, 16, 16)
    case = feats, ROIS, size, scale, sampling_ratio, aligned
    for ours, theirs in zip(call_roi_align(STAND_IN, *case), call_roi_align(COMPILED, *case)):
        torch.testing.assert_close(ours, theirs)


@needs_compiled
def test_nms_providers_agree_on_many_boxes():
    boxes, scores = map(torch.from_numpy, random_boxes(1000))
    assert torch.equal(
        STAND_IN.nms(boxes, scores, iou_threshold=.5, offset=0),
        COMPILED.nms(boxes, scores, iou_threshold=.5, offset=0))
    dets = torch.zeros(2, 1000, 5)
    settings = dict(iou_threshold=.3, sigma=.5, min_score=1e-3, method=2, offset=0)
    ours = STAND_IN.softnms(boxes, scores, dets[0], **settings)
    theirs = COMPILED.softnms(boxes, scores, dets[1], **settings)
    assert torch.equal(ours, theirs)
    torch.testing.assert_close(dets[0, :len(ours)], dets[1, :len(ours)])


def test_roi_align_gradient_by_finite_differences():
    feats = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    rois = torch.tensor([[0, .7, 1.2, 6.1, 7.3]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: ops.roi_align(x, rois, 2, .5, 2), feats)


def test_roi_align_of_a_strided_view():
    feats = torch.randn(2, 16, 16, 3).permute(0, 3, 1, 2)
    expected = ops.roi_align(feats.contiguous(), ROIS, 2, .5)
    output, _ = call_roi_align(STAND_IN, feats, ROIS, (2, 2), .5, 0, True)
    torch.testing.assert_close(output, expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_on_the_cpu(dtype):
    feats = torch.randn(2, 3, 16, 16).to(dtype)
    output, grad = call_roi_align(STAND_IN, feats, ROIS, (2, 2), .5, 0, True)
    expected, _ = call_roi_align(STAND_IN, feats.float(), ROIS, (2, 2), .5, 0, True)
    assert output.dtype == grad.dtype == dtype
    torch.testing.assert_close(output, expected.to(dtype))
    boxes, scores = map(torch.from_numpy, random_boxes(20))
    assert len(STAND_IN.nms(boxes.to(dtype), scores, iou_threshold=.5, offset=0)) > 1


def test_mmcv_functions_on_top():
    """What mmdet calls: filters, limits, classes, arrays, and no boxes at all."""
    boxes, scores = random_boxes(40)
    dets, inds = ops.nms(boxes, scores, .5, score_threshold=.3, max_num=5)
    expected = [i for i in loop_nms(boxes, scores, .5, 0) if scores[i] > .3][:5]
    assert isinstance(dets, np.ndarray) and inds.tolist() == expected
    boxes, scores = torch.from_numpy(boxes), torch.from_numpy(scores)
    classes = torch.arange(40) % 2
    for kind in ('nms', 'soft_nms'):
        dets, keep = ops.batched_nms(boxes, scores, classes, dict(type=kind, iou_threshold=.5))
        alone = [
            ops.batched_nms(boxes[classes == c], scores[classes == c], classes[classes == c],
                            dict(type=kind, iou_threshold=.5))[1] * 2 + c for c in (0, 1)
        ]
        assert sorted(keep.tolist()) == sorted(torch.cat(alone).tolist())
        assert torch.all(dets[:-1, 4] >= dets[1:, 4])
    assert ops.nms(boxes[:0], scores[:0], .5)[1].shape == (0, )
    assert ops.soft_nms(boxes[:0], scores[:0], .5)[1].shape == (0, )
    assert ops.roi_align(torch.ones(1, 2, 4, 4), torch.zeros(0, 5), 2).shape == (0, 2, 2, 2)


def test_other_ops_name_themselves_and_the_remedy():
    with pytest.raises(NotImplementedError, match="'deform_conv_forward'.*make setup MMCV=full"):
        STAND_IN.deform_conv_forward(1, 2)
    with pytest.raises(NotImplementedError, match="pool_mode='max'.*make setup MMCV=full"):
        STAND_IN.roi_align_forward(*[torch.ones(1)] * 5, 1, 1, 1., 1, 0, True)
    assert not hasattr(STAND_IN, '__file__')
