from typing import List, Tuple

import torch
from mmdet.models.roi_heads import CascadeRoIHead as MMDetCascadeRoIHead
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.structures.bbox import bbox2roi
from torch import Tensor

from ...registry import MODELS


@MODELS.register_module()
class CascadeRoIHead(MMDetCascadeRoIHead):
    """mmdet's cascade with detectron2's semantics.

    - Scores are the mean of the stages' probabilities; mmdet takes those of the mean logits, which
      changes scores by about 1e-2 and their order.
    - One mask head for all stages, trained on the proposals of the first.
    - Box features pass a stage's gradient divided by the number of stages.
    - Objects that the first stage has among its proposals are refined like these; mmdet drops them
      after the stage.

    Arguments are mmdet's; ``mask_head`` and ``mask_roi_extractor`` are single configs. A custom
    classification loss must have an elementwise sigmoid as activation.

    Source: detectron2 ``modeling/roi_heads/cascade_rcnn.py``.
    """
    init_mask_head = StandardRoIHead.init_mask_head
    predict_mask = StandardRoIHead.predict_mask

    def _bbox_forward(self,
                      stage: int,
                      x: Tuple[Tensor],
                      rois: Tensor,
                      activate: bool = False) -> dict:
        """As mmdet's; with ``activate`` scores are probabilities."""
        extractor, head = self.bbox_roi_extractor[stage], self.bbox_head[stage]
        feats = extractor(x[:extractor.num_inputs], rois)
        if feats.requires_grad:
            feats.register_hook(lambda grad: grad / self.num_stages)
        scores, deltas = head(feats)
        if activate:
            scores = (
                head.loss_cls.get_activation(scores)
                if head.custom_cls_channels else scores.softmax(dim=-1))
        return dict(cls_score=scores, bbox_pred=deltas, bbox_feats=feats)

    def bbox_loss(self, stage: int, x: Tuple[Tensor], sampling_results: List) -> dict:
        """As mmdet's, but no proposal is marked as an object."""
        for result in sampling_results:
            result.pos_is_gt = torch.zeros_like(result.pos_is_gt)
        return super().bbox_loss(stage, x, sampling_results)

    def _refine_roi(self, *args, **kwargs) -> tuple:
        """As mmdet's, but averages probabilities."""
        rois, scores, deltas = super()._refine_roi(*args, activate=True, **kwargs)
        # The box head will apply its activation to these.
        inverse = Tensor.logit if self.bbox_head[-1].custom_cls_channels else Tensor.log
        return rois, [inverse(score) for score in scores], deltas

    def _mask_forward(self, *args) -> dict:
        """``([stage, ]x, rois)``: the stage makes no difference to one mask head."""
        x, rois = args[-2:]
        return StandardRoIHead._mask_forward(self, x, rois)

    def mask_loss(self, stage: int, x: Tuple[Tensor], sampling_results: List,
                  batch_gt_instances: List) -> dict:
        """Mask loss of the first stage; the others have none."""
        if stage > 0:
            return dict(loss_mask=dict())
        rois = bbox2roi([result.pos_priors for result in sampling_results])
        results = self._mask_forward(x, rois)
        results.update(
            self.mask_head.loss_and_target(results['mask_preds'], sampling_results,
                                           batch_gt_instances, self.train_cfg[0]))
        return results
