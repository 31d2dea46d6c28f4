"""Many samples of a training: the largest batch of them, and the objects that they keep."""
import time
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np
from torch import nn
from torch.utils.data import DataLoader

# so many samples are looked at, as long as they are read in so many seconds
_MOST, _SECONDS = 200, 4.


@dataclass
class Boxes:
    """How many objects an augmentation keeps.

    Attributes:
        pictures (int): Samples that were looked at.
        before (int): Objects in their annotations.
        after (int): Objects that are left of these.
    """
    pictures: int = 0
    before: int = 0
    after: int = 0

    def add(self, dataset: Any, index: int, sample: Any) -> None:
        """Count the objects of a sample, unless it stands in for one that was lost as a whole."""
        info = dataset.get_data_info(index)
        if 'instances' in info and info['img_id'] == sample.get('img_id'):
            self.pictures += 1
            self.before += sum(not one.get('ignore_flag') for one in info['instances'])
            self.after += len(sample.gt_instances)


def largest_batch(loader: DataLoader, boxes: Boxes) -> Optional[Any]:
    """A batch of those of many samples that make it largest.

    Pictures of a batch are padded to the largest height and the largest width among them, and many
    objects need more memory than few.

    Args:
        loader (DataLoader): Of the training.
        boxes (Boxes): Counts the objects of all these samples.

    Returns:
        A batch as the loader gives it; None if its samples have no objects, and so all one size.
    """
    largest: Dict[str, Tuple[Any, dict]] = {}
    others: List[dict] = []
    for index, sample in _samples(loader):
        boxes.add(loader.dataset, index, sample['data_samples'])
        for name, value in _sizes(sample, loader.batch_size == 1).items():
            if name not in largest or value > largest[name][0]:
                largest[name] = value, sample
        others = [*others, sample][:loader.batch_size]
    samples = [sample for _, sample in largest.values()] + others
    samples = list({id(sample): sample for sample in samples}.values())
    return loader.collate_fn(samples[:loader.batch_size]) if samples else None


def _samples(loader: DataLoader) -> Iterator[Tuple[int, dict]]:
    """Augmented samples in random order, and their places; none where there are no objects."""
    dataset, end = loader.dataset, time.monotonic() + _SECONDS
    for number, index in enumerate(np.random.permutation(len(dataset))[:_MOST].tolist()):
        sample = dataset[index]
        if not isinstance(sample, dict) or 'gt_instances' not in sample['data_samples']:
            return
        yield index, sample
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
