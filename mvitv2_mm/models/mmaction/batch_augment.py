from typing import List, Tuple

import torch.nn.functional as F
from torch import Tensor

from ...registry import MODELS
from ..batch_augment import BatchAugment


@MODELS.register_module()
class ClipBatchAugment(BatchAugment):
    """:class:`BatchAugment` for mmaction2.

    Goes into ``blending`` of mmaction2's ``ActionDataPreprocessor``, which calls it in training
    with normalised clips. mmaction2's own blending draws the partners at random, so that clips
    meet themselves.

    Args:
        num_classes (int): Number of classes, the same as in the head.
        **kwargs: Arguments of :class:`BatchAugment`.
    """

    def __init__(self, num_classes: int, **kwargs: float) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def __call__(self, inputs: Tensor, data_samples: List) -> Tuple[Tensor, List]:
        """Augment a batch.

        Args:
            inputs (Tensor): Normalised clips of shape (B, N, C, T, H, W); changed in place.
            data_samples (list[ActionDataSample]): Their ``gt_label`` of shape (1, ), or of shape
                (num_classes, ) for several labels, becomes a soft label of shape (num_classes, ) if
                the batch is mixed.
        """
        inputs, lam = self.augment(inputs)
        if lam < 1:
            labels = [self._vector(sample.gt_label) for sample in data_samples]
            for sample, own, partner in zip(data_samples, labels, reversed(labels)):
                sample.set_gt_label(own * lam + partner * (1 - lam))
        return inputs, data_samples

    def _vector(self, label: Tensor) -> Tensor:
        if label.is_floating_point():  # several labels
            return label
        return F.one_hot(label[0], self.num_classes).float()
