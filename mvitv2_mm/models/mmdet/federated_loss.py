from typing import Dict, Optional, Sequence, Union

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from ...registry import MODELS
from .lvis_v1 import IMAGE_COUNTS


@MODELS.register_module()
class FederatedLoss(nn.Module):
    """Binary cross entropy on a part of the classes, for long-tailed sets that are not labelled
    exhaustively.

    Part of the loss are the classes of the sampled boxes and, up to ``num_sampled``, others drawn
    in proportion to ``image_counts ** power``. The background takes one of the places.

    It replaces ``loss_cls`` of mmdet's box heads, which then have an unused background score.

    Args:
        image_counts (str | Sequence[int]): Training images with each class, or 'lvis_v1'.
            Defaults to 'lvis_v1'.
        num_sampled (int): Number of classes in the loss, unless more are present. Defaults to 50.
        power (float): Exponent of the counts. Defaults to 0.5.

    Raises:
        ValueError: If the counts are not positive.

    Source: detectron2 ``modeling/roi_heads/fast_rcnn.py``, federated loss.
    """
    custom_cls_channels = True
    custom_activation = True

    def __init__(self,
                 image_counts: Union[str, Sequence[int]] = 'lvis_v1',
                 num_sampled: int = 50,
                 power: float = 0.5) -> None:
        super().__init__()
        if image_counts == 'lvis_v1':
            image_counts = IMAGE_COUNTS
        if isinstance(image_counts, str) or min(image_counts) <= 0:
            raise ValueError('"image_counts" should be "lvis_v1" or a positive number of training '
                             f'images per class, but got {image_counts}')
        weights = torch.tensor(image_counts, dtype=torch.float)**power
        self.register_buffer('class_weights', weights, persistent=False)
        self.num_sampled = num_sampled

    def get_cls_channels(self, num_classes: int) -> int:
        """Number of scores per box.

        Raises:
            ValueError: If the head has another number of classes than the counts.
        """
        if num_classes != len(self.class_weights):
            raise ValueError(f'the box head has {num_classes} classes, but "image_counts" of '
                             f'FederatedLoss has {len(self.class_weights)}')
        return num_classes + 1

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Probabilities of the same shape as the scores (N, num_classes + 1)."""
        return cls_score.sigmoid()

    def get_accuracy(self, cls_score: Tensor, labels: Tensor) -> Dict[str, Tensor]:
        """Nothing to log: classes outside the loss have no right answer."""
        return {}

    def choose_classes(self, label: Tensor) -> Tensor:
        """Classes in the loss of boxes with these labels; the background is the last label."""
        present = label.unique()
        classes = present[present < len(self.class_weights)]
        weights = self.class_weights.index_fill(0, classes, 0)
        num_drawn = min(self.num_sampled - len(present), int(weights.count_nonzero()))
        return torch.cat([classes, weights.multinomial(num_drawn)]) if num_drawn > 0 else classes

    def forward(self,
                cls_score: Tensor,
                label: Tensor,
                weight: Optional[Tensor] = None,
                avg_factor: Optional[float] = None,
                **kwargs) -> Tensor:
        """Loss of one batch.

        Args:
            cls_score (Tensor): Scores, shape (N, num_classes + 1).
            label (Tensor): Classes, ``num_classes`` is the background; shape (N, ).
            weight (Tensor, optional): Weight of each box, shape (N, ). Defaults to None.
            avg_factor (float, optional): Divisor of the sum. Defaults to N.
        """
        classes = self.choose_classes(label)
        scores, target = cls_score[:, classes].float(), (label[:, None] == classes).float()
        loss = F.binary_cross_entropy_with_logits(scores, target, reduction='none')
        if weight is not None:
            loss = loss * weight[:, None]
        return loss.sum() / (avg_factor or len(label))
