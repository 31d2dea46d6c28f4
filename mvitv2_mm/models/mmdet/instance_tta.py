"""Test-time augmentation for boxes and masks."""
from typing import List, Sequence, Tuple

import torch
from mmcv.ops import batched_nms
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi, bbox_flip
from mmengine.model import BaseTTAModel
from mmengine.structures import InstanceData
from torch import Tensor

from ...registry import MODELS

# feature maps and descriptions of the images of a view
View = Tuple[Tuple[Tensor], List[dict]]


@MODELS.register_module()
class InstanceTTA(BaseTTAModel):
    """Merge the boxes of several views, then average the masks of the merged boxes over the views.

    mmdet's ``DetTTAModel`` merges boxes alone. Views are resized or flipped horizontally. The
    detector is a two-stage one; its ``test_cfg.rcnn`` also rules the merging.

    Source: detectron2 ``modeling/test_time_augmentation.py``.
    """

    @torch.no_grad()
    def test_step(self, data: dict) -> List[DetDataSample]:
        """Detections of a batch; ``inputs`` and ``data_samples`` are lists of views."""
        views, boxes = zip(*map(self._detect, data['inputs'], data['data_samples']))
        results = list(data['data_samples'][0])
        for i, sample in enumerate(results):
            sample.pred_instances = self._merge_boxes([view_boxes[i] for view_boxes in boxes])
            if self.module.roi_head.with_mask:
                self._add_masks(i, sample, views)
        return results

    def merge_preds(self, data_samples_list: list) -> None:
        """Not used: masks can only be averaged before they are pasted."""
        raise NotImplementedError

    def _detect(self, inputs: Sequence[Tensor],
                samples: Sequence[DetDataSample]) -> Tuple[View, List[InstanceData]]:
        """Features of one view and its boxes in the original images."""
        detector = self.module
        batch = detector.data_preprocessor(dict(inputs=inputs, data_samples=samples))
        feats = detector.extract_feat(batch['inputs'])
        metas = [sample.metainfo for sample in batch['data_samples']]
        proposals = detector.rpn_head.predict(feats, batch['data_samples'], rescale=False)
        results = detector.roi_head.predict_bbox(
            feats, metas, proposals, detector.roi_head.test_cfg, rescale=True)
        for result, meta in zip(results, metas):
            result.bboxes = _flip_if(meta, result.bboxes)
        return (feats, metas), results

    def _merge_boxes(self, boxes: List[InstanceData]) -> InstanceData:
        cfg, boxes = self.module.roi_head.test_cfg, InstanceData.cat(boxes)
        if len(boxes) == 0:
            return boxes
        merged, kept = batched_nms(boxes.bboxes, boxes.scores, boxes.labels, cfg.nms)
        merged, kept = merged[:cfg.max_per_img], kept[:cfg.max_per_img]
        return InstanceData(bboxes=merged[:, :4], scores=merged[:, 4], labels=boxes.labels[kept])

    def _add_masks(self, index: int, sample: DetDataSample, views: Sequence[View]) -> None:
        roi_head, instances = self.module.roi_head, sample.pred_instances
        probs = sum(self._mask_probs(index, instances.bboxes, view) for view in views) / len(views)
        meta = dict(ori_shape=sample.ori_shape, scale_factor=(1., 1.))
        # the mask head will apply its sigmoid to these
        roi_head.mask_head.predict_by_feat((probs.logit(), ), [instances], [meta],
                                           roi_head.test_cfg)

    def _mask_probs(self, index: int, boxes: Tensor, view: View) -> Tensor:
        """Mask probabilities of boxes of the original image, shape (N, classes, H, W)."""
        feats, metas = view
        meta = metas[index]
        scale = boxes.new_tensor(meta['scale_factor']).repeat(2)
        rois = bbox2roi([_flip_if(meta, boxes) * scale])
        feats = tuple(feat[index:index + 1] for feat in feats)
        probs = self.module.roi_head._mask_forward(feats, rois)['mask_preds'].sigmoid()
        return probs.flip(-1) if meta.get('flip') else probs


def _flip_if(meta: dict, boxes: Tensor) -> Tensor:
    return bbox_flip(boxes, meta['ori_shape']) if meta.get('flip') else boxes
