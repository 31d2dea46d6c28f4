"""Random numbers of a sample that do not depend on the worker, or process, which prepares it."""
import random
from contextlib import contextmanager
from typing import Any, Iterator, Tuple, Union

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS as ANY_SAMPLERS
from mmengine.registry import DATASETS as ANY_DATASETS
from torch.utils.data import Dataset, Sampler

from ..registry import DATA_SAMPLERS, DATASETS


def seed_generators(*key: int) -> None:
    """Seed the generators of Python, numpy and torch, so that they follow from a key alone."""
    for_python, for_numpy, for_torch = np.random.SeedSequence(key).generate_state(3).tolist()
    random.seed(for_python)
    np.random.seed(for_numpy)
    torch.manual_seed(for_torch)


class _Place(int):
    """Number of a sample that knows where it stands in a training."""

    def __new__(cls, index: int, key: Tuple[int, ...]) -> '_Place':
        place = super().__new__(cls, index)
        place.key = key
        return place

    def __getnewargs__(self) -> tuple:
        return int(self), self.key


@DATA_SAMPLERS.register_module()
class SeededSampler(Sampler):
    """A sampler that tells :class:`SeededDataset` where in the training a sample stands.

    Args:
        dataset (Dataset): The dataset.
        sampler (dict): Config of the sampler that chooses.
        seed (int): Of the run.
    """

    def __init__(self, dataset: Dataset, sampler: dict, seed: int) -> None:
        self.sampler = ANY_SAMPLERS.build(sampler, default_args=dict(dataset=dataset, seed=seed))
        self.dataset, self.seed, self.epoch = dataset, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """See mmengine's ``DefaultSampler``."""
        self.epoch = epoch
        self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        rank, world_size = get_dist_info()
        for number, index in enumerate(self.sampler):
            yield _Place(index, (self.seed, self.epoch, number * world_size + rank))


@DATASETS.register_module()
class SeededDataset(Dataset):
    """A dataset whose augmentation of a sample follows from the place that a sampler gives it.

    Args:
        dataset (dict): Config of the dataset.
    """

    def __init__(self, dataset: Union[dict, Dataset]) -> None:
        self.dataset = ANY_DATASETS.build(dataset)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__') or name == 'dataset':
            raise AttributeError(name)  # not yet unpickled
        return getattr(self.dataset, name)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, place: int) -> Any:
        if not isinstance(place, _Place):
            return self.dataset[place]
        with _kept_generators():
            seed_generators(*place.key)
            return self.dataset[int(place)]


@contextmanager
def _kept_generators() -> Iterator[None]:
    """Put the generators of random numbers back afterwards."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
