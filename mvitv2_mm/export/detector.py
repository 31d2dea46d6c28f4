"""Mask R-CNN and Cascade R-CNN as plain operations on tensors, post-processing included.

mmdet's own code looks at numbers of boxes while it runs, which an exported graph cannot. These
modules call the same layers, and every file is compared with mmdet's results when it is written.
"""
import copy
from typing import List, Sequence, Tuple

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.config import ConfigDict
from torch import Tensor, nn

from ..errors import UsageError

OUTPUTS = ['boxes', 'scores', 'labels', 'masks']


def make_detector(pixels: nn.Module, model: nn.Module, name: str) -> nn.Module:
    """The whole detector.

    Args:
        pixels (nn.Module): Prepares the pixels.
        model (nn.Module): Two-stage detector of mmdet.
        name (str): What errors call it.

    Raises:
        UsageError: If a part of it computes something that is not known here.
    """
    from mmdet.models.roi_heads import StandardRoIHead
    from mmdet.models.task_modules import DeltaXYWHBBoxCoder

    from ..models.mmdet.cascade_roi_head import CascadeRoIHead
    heads = getattr(model, 'roi_head', None)
    if type(heads) not in (StandardRoIHead, CascadeRoIHead):
        raise _unknown(name, type(model).__name__)
    for part in (*_as_list(heads.bbox_head), model.rpn_head):
        if type(part.bbox_coder) is not DeltaXYWHBBoxCoder:
            raise _unknown(name, type(part.bbox_coder).__name__)
    for cfg in (model.test_cfg.rpn, model.test_cfg.rcnn):
        if not set(cfg.nms) <= {'type', 'iou_threshold'} or cfg.nms.get('type', 'nms') != 'nms':
            raise _unknown(name, str(dict(cfg.nms)))
    return Detector(pixels, model)


def _as_list(parts: nn.Module) -> List[nn.Module]:
    """The parts of a cascade, or the only one."""
    return list(parts) if isinstance(parts, nn.ModuleList) else [parts]


def _unknown(name: str, part: str) -> UsageError:
    return UsageError(f'{name} cannot be exported as a whole: its {part} is not known here; export '
                      'its backbone with --maps')


class Detector(nn.Module):
    """One picture -> its objects.

    Args:
        pixels (nn.Module): Prepares the pixels.
        model (nn.Module): Two-stage detector of mmdet.
    """

    def __init__(self, pixels: nn.Module, model: nn.Module) -> None:
        super().__init__()
        self.pixels, self.backbone, self.neck = pixels, model.backbone, model.neck
        self.proposals = Proposals(model.rpn_head)
        # torch.export has no batch norm for a number of boxes that it does not know
        heads = fuse_conv_bn(copy.deepcopy(model.roi_head))
        self.stages = nn.ModuleList(_as_list(heads.bbox_head))
        self.regions = nn.ModuleList(map(Regions, _as_list(heads.bbox_roi_extractor)))
        self.mask_head = heads.mask_head if heads.with_mask else None
        if self.mask_head is not None:
            self.mask_regions = Regions(heads.mask_roi_extractor)
        self.cfg: ConfigDict = model.test_cfg.rcnn

    def forward(self, pixels: Tensor) -> Tuple[Tensor, ...]:
        """(1, H, W, 3) of uint8 -> boxes (n, 4), scores (n, ), labels (n, ), masks (n, h, w).

        Boxes are x1, y1, x2, y2 in pixels of the input. Masks are logits inside of the boxes.
        """
        size = pixels.shape[1:3]
        feats = self.neck(self.backbone(self.pixels(pixels)))
        rois, total = self.proposals(feats, size), 0
        for number, (head, regions) in enumerate(zip(self.stages, self.regions)):
            logits, deltas = head(regions(feats, rois))
            is_own = head.custom_cls_channels  # a loss with an activation of its own
            scores = head.loss_cls.get_activation(logits) if is_own else logits.softmax(-1)
            scores = scores[:, :-1]
            total = total + scores
            if number + 1 < len(self.stages):
                if not head.reg_class_agnostic:
                    deltas = _of_label(deltas.unflatten(1, (-1, 4)), scores.argmax(1))
                rois = decode(head.bbox_coder, rois, deltas, size)
        deltas = deltas.unflatten(1, (-1, 4))  # (n, 1 or classes, 4)
        boxes = decode(head.bbox_coder, rois[:, None], deltas, size)
        boxes, scores, labels = self._best(boxes, total / len(self.stages))
        if self.mask_head is None:
            return boxes, scores, labels
        masks = self.mask_head(self.mask_regions(feats, boxes))
        masks = masks[:, 0] if self.mask_head.class_agnostic else _of_label(masks, labels)
        return boxes, scores, labels, masks

    def _best(self, boxes: Tensor, scores: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Boxes (n, 1 or classes, 4) and scores (n, classes) -> what passes threshold and NMS."""
        rows, labels = (scores > self.cfg.score_thr).nonzero().unbind(1)
        scores = scores[rows, labels]
        boxes = boxes[rows, 0] if boxes.shape[1] == 1 else boxes[rows, labels]
        keep = nms_of_groups(boxes, scores, labels, self.cfg.nms, self.cfg.max_per_img)
        return boxes[keep], scores[keep], labels[keep]


class Proposals(nn.Module):
    """Maps of an FPN -> the best boxes of a region proposal network, (n, 4)."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head, self.cfg = head, head.test_cfg

    def forward(self, feats: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        levels = zip(*self.head(feats), self.head.prior_generator.base_anchors,
                     self.head.prior_generator.strides)
        boxes, scores, groups = [], [], []
        for number, (logits, deltas, anchors, strides) in enumerate(levels):
            priors = _grid_anchors(anchors, strides, logits.shape[2:])
            # (1, A, H, W) -> (H * W * A, ), (1, 4 * A, H, W) -> (H * W * A, 4)
            logits = logits.permute(0, 2, 3, 1).reshape(-1, self.head.cls_out_channels)
            found = logits.sigmoid() if self.head.use_sigmoid_cls else logits.softmax(-1)
            found, best = found[:, 0].topk(torch.sym_min(self.cfg.nms_pre, priors.shape[0]))
            deltas = deltas.permute(0, 2, 3, 1).reshape(-1, 4)
            boxes.append(decode(self.head.bbox_coder, priors[best], deltas[best], size))
            scores.append(found)
            groups.append(torch.full_like(best, number))
        boxes, scores, groups = torch.cat(boxes), torch.cat(scores), torch.cat(groups)
        sides = boxes[:, 2:] - boxes[:, :2]
        real = (sides > self.cfg.get('min_bbox_size', -1)).all(1).nonzero()[:, 0]
        boxes, scores, groups = boxes[real], scores[real], groups[real]
        return boxes[nms_of_groups(boxes, scores, groups, self.cfg.nms, self.cfg.max_per_img)]


class Regions(nn.Module):
    """Boxes (n, 4) -> their features (n, C, h, w), each from the map of its size."""

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.layers, self.finest = extractor.roi_layers, extractor.finest_scale

    def forward(self, feats: Sequence[Tensor], boxes: Tensor) -> Tensor:
        rois = torch.cat([boxes.new_zeros(boxes.shape[0], 1), boxes], 1)
        size = (boxes[:, 2:] - boxes[:, :2]).prod(1).sqrt()
        levels = (size / self.finest + 1e-6).log2().floor().clamp(0, len(self.layers) - 1)
        height, width = self.layers[0].output_size
        out = boxes.new_zeros(boxes.shape[0], feats[0].shape[1], height, width)
        for number, (layer, feat) in enumerate(zip(self.layers, feats)):
            own = (levels == number).nonzero()[:, 0]
            part = torch.ops.torchvision.roi_align(feat, rois[own], layer.spatial_scale, height,
                                                   width, layer.sampling_ratio, layer.aligned)
            out = out.index_put((own, ), part)
        return out


def decode(coder, boxes: Tensor, deltas: Tensor, size: Sequence[int]) -> Tensor:
    """Boxes (..., 4) moved and scaled by the deltas (..., 4) of a ``DeltaXYWHBBoxCoder``."""
    deltas = deltas * deltas.new_tensor(coder.stds) + deltas.new_tensor(coder.means)
    centre, sides = (boxes[..., :2] + boxes[..., 2:]) * 0.5, boxes[..., 2:] - boxes[..., :2]
    centre = centre + sides * deltas[..., :2]
    sides = sides * deltas[..., 2:].clamp(-_LARGEST, _LARGEST).exp()
    decoded = torch.cat([centre - sides * 0.5, centre + sides * 0.5], -1)
    limit = torch.stack([torch.full((), n, dtype=decoded.dtype) for n in (*size[::-1], ) * 2])
    return decoded.clamp(min=0).minimum(limit) if coder.clip_border else decoded


# of the logarithm of a scale, in mmdet
_LARGEST = 4.135166556742356


def nms_of_groups(boxes: Tensor, scores: Tensor, groups: Tensor, cfg: dict, number: int) -> Tensor:
    """Indices of at most ``number`` boxes, best first; none hides another of its group.

    As mmcv does, boxes of each group are moved to a place of their own.
    """
    largest = torch.cat([boxes.flatten(), boxes.new_zeros(1)]).max()  # there may be no boxes
    moved = boxes + (groups.to(boxes) * (largest + 1))[:, None]
    keep = torch.ops.torchvision.nms(moved, scores, cfg['iou_threshold'])
    keep = keep[torch.arange(keep.shape[0]) < number]
    torch._check(keep.shape[0] <= number)  # for torch.export, which cannot see it
    return keep


def _of_label(values: Tensor, labels: Tensor) -> Tensor:
    """(n, classes, ...) -> (n, ...)."""
    return values[torch.arange(labels.shape[0]), labels]


def _grid_anchors(anchors: Tensor, strides: Sequence[int], grid: Sequence[int]) -> Tensor:
    """Anchors (A, 4) at every place of a map, (H * W * A, 4); strides are (x, y)."""
    y, x = (torch.arange(n, dtype=anchors.dtype) * s for n, s in zip(grid, strides[::-1]))
    x, y = x[None, :].expand(*grid), y[:, None].expand(*grid)
    return (torch.stack([x, y, x, y], -1)[:, :, None] + anchors).reshape(-1, 4)
