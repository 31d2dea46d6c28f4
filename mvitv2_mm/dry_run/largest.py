"""The largest batch that a training may meet, which decides how much memory it needs."""
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np
from torch import nn
from torch.utils.data import DataLoader

# so many samples are looked at, as long as they are read in so many seconds
_MOST, _SECONDS = 200, 4.


def largest_batch(loader: DataLoader) -> Optional[Any]:
    """A batch of those of many samples that make it largest.

    Pictures of a batch are padded to the largest height and the largest width among them, and many
    objects need more memory than few.

    Returns:
        A batch as the loader gives it; None if its samples have no objects, and so all one size.
    """
    largest: Dict[str, Tuple[Any, dict]] = {}
    others: List[dict] = []
    for sample in _samples(loader):
        for name, value in _sizes(sample, loader.batch_size == 1).items():
            if name not in largest or value > largest[name][0]:
                largest[name] = value, sample
        others = [*others, sample][:loader.batch_size]
    samples = [sample for _, sample in largest.values()] + others
    samples = list({id(sample): sample for sample in samples}.values())
    return loader.collate_fn(samples[:loader.batch_size]) if samples else None


def _samples(loader: DataLoader) -> Iterator[dict]:
    """Augmented samples in random order; none where there are no objects."""
    dataset, end = loader.dataset, time.monotonic() + _SECONDS
    for number, index in enumerate(np.random.permutation(len(dataset))[:_MOST]):
        sample = dataset[int(index)]
        if not isinstance(sample, dict) or 'gt_instances' not in sample['data_samples']:
            return
        yield sample
        if number >= (loader.batch_size or 1) and time.monotonic() > end:
            return


def _sizes(sample: dict, is_alone: bool) -> Dict[str, Any]:
    """What a batch gets larger by, if a sample is alone in it or not."""
    height, width = sample['inputs'].shape[-2:]
    objects = len(sample['data_samples'].gt_instances)
    if is_alone:
        return dict(area=(height * width, objects))
    return dict(height=height, width=width, objects=objects)


def find_limits(model: nn.Module) -> List[Tuple[dict, int]]:
    """Settings that say what detections of a model count, and how many it may find in a picture."""
    found = (getattr(module, 'test_cfg', None) for module in model.modules())
    return [(settings, settings['max_per_img']) for settings in found
            if isinstance(settings, dict) and {'score_thr', 'max_per_img'} <= settings.keys()]
