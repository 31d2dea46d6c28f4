import math
from typing import Tuple

import numpy as np
from torch import Tensor

_ERASE_AREA = (0.02, 1 / 3)
_ERASE_ASPECT = (0.3, 1 / 0.3)


def random_erase(sample: Tensor) -> None:
    """Overwrite one random box with noise from N(0, 1), in place.

    The box is the same for all frames and channels, the noise is not. On normalised input this is
    the official 'pixel' mode; noise added before normalisation would be rounded and clipped.

    Args:
        sample (Tensor): Normalised image (C, H, W) or clip (..., T, H, W).

    Source: SlowFast ``slowfast/datasets/random_erasing.py``, ``_erase_cube``; facebookresearch/mvit
    ``mvit/datasets/random_erasing.py``, which gives up after 10 attempts instead of 100.
    """
    height, width = sample.shape[-2:]
    for _ in range(100):
        area = np.random.uniform(*_ERASE_AREA) * height * width
        aspect = math.exp(np.random.uniform(*np.log(_ERASE_ASPECT)))
        h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if h < height and w < width:
            top = np.random.randint(height - h + 1)
            left = np.random.randint(width - w + 1)
            sample[..., top:top + h, left:left + w].normal_()
            return


def mixup(inputs: Tensor, lam: float) -> Tuple[Tensor, float]:
    """Blend each sample with its partner in the reversed batch, in place; returns both."""
    partners = inputs.flip(0).mul_(1 - lam)
    return inputs.mul_(lam).add_(partners), lam


def cutmix(inputs: Tensor, lam: float) -> Tuple[Tensor, float]:
    """Paste a box of the partner in the reversed batch into each sample, in place.

    Args:
        inputs (Tensor): Batch of shape (B, ..., H, W).
        lam (float): Share of the area to keep, before the box is clipped at the border.

    Returns:
        tuple[Tensor, float]: The batch and the share really kept.
    """
    height, width = inputs.shape[-2:]
    ratio = math.sqrt(1 - lam)
    half_h, half_w = int(height * ratio) // 2, int(width * ratio) // 2
    y, x = np.random.randint(height), np.random.randint(width)
    top, bottom = max(y - half_h, 0), min(y + half_h, height)
    left, right = max(x - half_w, 0), min(x + half_w, width)
    box = inputs[..., top:bottom, left:right]
    box.copy_(box.flip(0))
    return inputs, 1 - (bottom - top) * (right - left) / (height * width)


class BatchAugment:
    """Random erasing of each sample, then mixup or cutmix of the whole batch.

    One mixing coefficient serves the batch of a GPU, and the partner of a sample is its mirror
    image in the batch, so the middle one of an odd batch is its own. Label smoothing is left to
    the head: after mixing it gives the same labels as the official smoothing before it.

    Args:
        erase_prob (float): Probability of erasing a box in a sample. Defaults to 0.25.
        mix_prob (float): Probability of mixing a batch. Defaults to 1.
        switch_prob (float): Probability of cutmix instead of mixup. Defaults to 0.5.
        mixup_alpha (float): Parameter of mixup's Beta distribution. Defaults to 0.8.
        cutmix_alpha (float): Parameter of cutmix's Beta distribution. Defaults to 1.

    Source: facebookresearch/mvit ``mvit/datasets/mixup.py``, SlowFast
    ``slowfast/datasets/mixup.py``.
    """

    def __init__(self,
                 erase_prob: float = 0.25,
                 mix_prob: float = 1.,
                 switch_prob: float = 0.5,
                 mixup_alpha: float = 0.8,
                 cutmix_alpha: float = 1.) -> None:
        self.erase_prob = erase_prob
        self.mix_prob = mix_prob
        self.switch_prob = switch_prob
        self.mixup_alpha = mixup_alpha
        self.cutmix_alpha = cutmix_alpha

    def augment(self, inputs: Tensor) -> Tuple[Tensor, float]:
        """Erase and mix.

        Args:
            inputs (Tensor): Normalised batch of shape (B, ..., H, W); changed in place.

        Returns:
            tuple[Tensor, float]: The batch, and the share that each sample keeps of
            itself: 1 if nothing is mixed.
        """
        for sample in inputs:
            if np.random.rand() < self.erase_prob:
                random_erase(sample)
        if np.random.rand() >= self.mix_prob:
            return inputs, 1.
        if np.random.rand() < self.switch_prob:
            return cutmix(inputs, np.random.beta(self.cutmix_alpha, self.cutmix_alpha))
        return mixup(inputs, np.random.beta(self.mixup_alpha, self.mixup_alpha))
