"""Needs mmdet as well, on which mmaction2 builds its detection of actions."""
from typing import Sequence

from mmaction.models.roi_heads import BBoxHeadAVA
from mmengine.model.weight_init import trunc_normal_
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ...registry import MODELS


@MODELS.register_module()
class AVAHead(BBoxHeadAVA):
    """mmaction2's head for actions of detected people, with the official semantics.

    - Predictions carry the whole detected boxes, relative to the whole picture ('relative_boxes'
      of the sample's metadata). mmaction2 reports what a crop has left of them, which no longer
      overlaps the annotation of a person at its border.
    - Weights start from a truncated normal distribution and biases from 0.02, as in the backbone.
    - No column for a background: without ``background_class``, ``num_classes`` is that of actions.
    - Of few actions there are no best three or five to log the accuracy of.

    Args:
        num_classes (int): Number of actions.
        topk (tuple[int]): Numbers of best actions to log the accuracy of. Defaults to (3, 5).
        **kwargs: See mmaction2's ``BBoxHeadAVA``.

    Source: SlowFast ``models/head_helper.py``, ``ResNetRoIHead``, and its ``tools/test_net.py``.
    """

    def __init__(self, num_classes: int, topk: Sequence[int] = (3, 5), **kwargs) -> None:
        topk = tuple(k for k in topk if k < num_classes)
        super().__init__(num_classes=num_classes, topk=topk, **kwargs)

    def init_weights(self) -> None:
        """Initialise all linear layers."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=0.02)
                nn.init.constant_(module.bias, 0.02)

    def _predict_by_feat_single(self, roi: Tensor, cls_score: Tensor, img_meta: dict,
                                **kwargs) -> InstanceData:
        """Scores (n, num_classes) of the boxes (n, 4) of one clip."""
        return InstanceData(
            bboxes=roi.new_tensor(img_meta['relative_boxes']), scores=cls_score.sigmoid())
