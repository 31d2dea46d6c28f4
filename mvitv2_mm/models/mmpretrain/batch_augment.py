from typing import Tuple

from torch import Tensor

from ..batch_augment import BatchAugment


class ImageBatchAugment(BatchAugment):
    """:class:`BatchAugment` for mmpretrain.

    Goes into ``train_cfg.augments`` of mmpretrain's ``ImageClassifier``, whose preprocessor calls
    it in training with normalised images. mmpretrain's own mixup and cutmix draw the partners at
    random, so that images meet themselves, and its erasing cuts the noise off at 0 and 255.

    It is not registered, because mmpretrain's registry of batch augmentations has no parent to
    share; a config names its module: ``type='mvitv2_mm.models.ImageBatchAugment'``.
    """

    def __call__(self, inputs: Tensor, scores: Tensor) -> Tuple[Tensor, Tensor]:
        """Augment a batch.

        Args:
            inputs (Tensor): Normalised images of shape (B, C, H, W); changed in place.
            scores (Tensor): Their one-hot labels of shape (B, num_classes).
        """
        inputs, lam = self.augment(inputs)
        return inputs, scores * lam + scores.flip(0) * (1 - lam)
