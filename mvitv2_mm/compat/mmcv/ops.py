"""Serve mmcv's compiled ops where mmcv has none (``mmcv-lite``).

Symptom:
    ``No module named 'mmcv._ext'`` from ``import mmdet.models``.
Cause:
    mmcv has no wheels for current torch releases and must be compiled.
Repair:
    A stand-in ``mmcv._ext``: nms (so also batched nms) and RoIAlign call torchvision, Soft-NMS is a
    vectorised loop. Half-precision input on the CPU is computed in float32. Any other op raises an
    error that names it.
Inert:
    Where a compiled mmcv is installed: it is found first.

The functions have the signatures of mmcv 2.1's C++ binding, some of which write into their
arguments.
"""
import importlib
from types import ModuleType

import torch
from torch import Tensor

from ..versions import COMPILED_OPS, Window

WINDOWS = (Window('mmcv', '2.1', '2.3', tested='2.1.0'), )


def _computable(tensor: Tensor) -> Tensor:
    """Contiguous and, for half precision on the CPU, in float32."""
    if tensor.dtype == torch.bfloat16 or (tensor.dtype == torch.float16 and not tensor.is_cuda):
        tensor = tensor.float()
    return tensor.contiguous()


def nms(bboxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Greedy non-maximum suppression.

    Args:
        bboxes (Tensor): Boxes x1, y1, x2, y2, shape (N, 4).
        scores (Tensor): Scores, shape (N, ).
        iou_threshold (float): A box is dropped if its IoU with a better one is larger.
        offset (int): 0, or 1 if x2 and y2 belong to the box.

    Returns:
        Tensor: Indices of the kept boxes, best first.
    """
    bboxes = _computable(bboxes)
    if offset:
        bboxes = bboxes + bboxes.new_tensor([0, 0, offset, offset])
    scores = _computable(scores).to(bboxes.dtype)
    return torch.ops.torchvision.nms(bboxes, scores, iou_threshold)


def _iou(box: Tensor, boxes: Tensor, offset: int) -> Tensor:
    """IoU of one box (4, ) with boxes (N, 4), shape (N, ); 0 between empty boxes."""
    sides = (boxes[:, 2:] - boxes[:, :2] + offset).prod(1)
    overlap = (torch.minimum(box[2:], boxes[:, 2:]) - torch.maximum(box[:2], boxes[:, :2]) + offset)
    overlap = overlap.clamp(min=0).prod(1)
    union = (box[2:] - box[:2] + offset).prod() + sides - overlap
    return (overlap / union).nan_to_num(0.)


def _decay(iou: Tensor, iou_threshold: float, sigma: float, method: int) -> Tensor:
    """Factor of the scores: 0 naive, 1 linear, 2 gaussian."""
    if method == 2:
        return torch.exp(-iou**2 / sigma)
    suppressed = 1 - iou if method == 1 else torch.zeros_like(iou)
    return torch.where(iou >= iou_threshold, suppressed, 1.)


def softnms(boxes: Tensor, scores: Tensor, dets: Tensor, iou_threshold: float, sigma: float,
            min_score: float, method: int, offset: int) -> Tensor:
    """Soft-NMS: overlapped boxes lose score instead of being dropped.

    Args:
        boxes (Tensor): Boxes x1, y1, x2, y2, shape (N, 4).
        scores (Tensor): Scores, shape (N, ).
        dets (Tensor): Filled with the kept boxes and their decayed scores, shape (N, 5).
        iou_threshold (float): Overlap at which the naive and linear methods start to act.
        sigma (float): Width of the gaussian method.
        min_score (float): Boxes that decay below it are dropped.
        method (int): 0 naive, 1 linear, 2 gaussian.
        offset (int): 0, or 1 if x2 and y2 belong to the box.

    Returns:
        Tensor: Indices of the kept boxes, best first, shape (K, ).
    """
    boxes, scores = _computable(boxes), _computable(scores)
    inds = torch.arange(len(boxes), device=boxes.device)
    kept = []
    while len(inds):
        best = int(scores.argmax())
        dets[len(kept), :4], dets[len(kept), 4] = boxes[best], scores[best]
        kept.append(inds[best])
        iou = _iou(boxes[best], boxes, offset)
        scores = scores * _decay(iou, iou_threshold, sigma, method)
        remain = scores >= min_score
        remain[best] = False
        boxes, scores, inds = boxes[remain], scores[remain], inds[remain]
    return torch.stack(kept) if kept else inds


def _check_average(pool_mode: int) -> None:
    if pool_mode != 1:
        raise NotImplementedError("RoIAlign(pool_mode='max') needs mmcv's compiled ops: use "
                                  f"pool_mode='avg', or {COMPILED_OPS}.")


def roi_align_forward(input: Tensor, rois: Tensor, output: Tensor, argmax_y: Tensor,
                      argmax_x: Tensor, aligned_height: int, aligned_width: int,
                      spatial_scale: float, sampling_ratio: int, pool_mode: int,
                      aligned: bool) -> None:
    """RoIAlign by averaging, written to ``output``.

    Args:
        input (Tensor): Features, shape (B, C, H, W).
        rois (Tensor): Image index and box, shape (N, 5).
        output (Tensor): Result, shape (N, C, aligned_height, aligned_width).
        argmax_y (Tensor): Unused, for max pooling.
        argmax_x (Tensor): Unused, for max pooling.
        aligned_height (int): Rows of the result.
        aligned_width (int): Columns of the result.
        spatial_scale (float): Feature pixels per image pixel.
        sampling_ratio (int): Samples per bin and axis, 0 for adaptive.
        pool_mode (int): 1, average.
        aligned (bool): Whether pixel centres are at half-integers.
    """
    _check_average(pool_mode)
    feats = _computable(input)
    rois = _computable(rois).to(feats.dtype)
    output.copy_(
        torch.ops.torchvision.roi_align(feats, rois, spatial_scale, aligned_height, aligned_width,
                                        sampling_ratio, aligned))


def roi_align_backward(grad_output: Tensor, rois: Tensor, argmax_y: Tensor, argmax_x: Tensor,
                       grad_input: Tensor, aligned_height: int, aligned_width: int,
                       spatial_scale: float, sampling_ratio: int, pool_mode: int,
                       aligned: bool) -> None:
    """Gradient of :func:`roi_align_forward`, written to ``grad_input``.

    Args:
        grad_output (Tensor): Gradient of the result, shape (N, C, aligned height, aligned width).
        grad_input (Tensor): Gradient of the features, shape (B, C, H, W).
    """
    _check_average(pool_mode)
    grad = _computable(grad_output)
    rois = _computable(rois).to(grad.dtype)
    grad_input.copy_(
        torch.ops.torchvision._roi_align_backward(grad, rois, spatial_scale, aligned_height,
                                                  aligned_width, *grad_input.shape, sampling_ratio,
                                                  aligned))


def _unavailable(name: str):
    if name.startswith('__'):
        raise AttributeError(name)

    def raise_error(*args, **kwargs):
        raise NotImplementedError(f"The op '{name}' needs mmcv's compiled ops, which are not "
                                  f'installed: {COMPILED_OPS}.')

    return raise_error


def make_ext(name: str) -> ModuleType:
    """The stand-in for ``mmcv._ext``: the ops above; other names give a function that raises."""
    torchvision = importlib.import_module('torchvision')  # loads torch.ops.torchvision
    version = f'not compiled, served by torchvision {torchvision.__version__}'
    module = ModuleType(name, __doc__)
    for op in (nms, softnms, roi_align_forward, roi_align_backward):
        setattr(module, op.__name__, op)
    module.get_compiler_version = module.get_compiling_cuda_version = lambda: version
    module.__getattr__ = _unavailable
    return module


STAND_INS = {'mmcv._ext': make_ext}
