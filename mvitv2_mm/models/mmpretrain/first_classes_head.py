from typing import List, Optional

from mmpretrain.models.heads import LinearClsHead
from torch import Tensor

from ...registry import MODELS


@MODELS.register_module()
class FirstClassesHead(LinearClsHead):
    """mmpretrain's ``LinearClsHead`` that predicts among the first classes only.

    Networks trained on ImageNet-21K, whose first 1000 classes are those of ImageNet-1K, are tested
    on the latter.

    Args:
        num_eval_classes (int): Number of classes to predict among.
        **kwargs: Arguments of ``LinearClsHead``.

    Source: facebookresearch/mvit ``tools/engine.py``, ``eval_epoch``.
    """

    def __init__(self, num_eval_classes: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.num_eval_classes = num_eval_classes

    def _get_predictions(self, cls_score: Tensor, data_samples: Optional[List]) -> List:
        for sample in data_samples or ():
            # the preprocessor wrote labels for all classes, longer than the scores
            sample.pop('gt_score', None)
            sample.pop('num_classes', None)
        return super()._get_predictions(cls_score[:, :self.num_eval_classes], data_samples)
