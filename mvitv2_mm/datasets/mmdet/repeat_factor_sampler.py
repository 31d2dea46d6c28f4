import itertools
from collections import Counter
from typing import Iterator, Optional, Sized

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from ...registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class RepeatFactorSampler(Sampler):
    """Endless shuffled sampling in which images with rare classes come more often.

    The factor of a class in the share ``f`` of the images is ``max(1, sqrt(threshold / f))``, that
    of an image the largest of its classes. In each pass over the set the factors are rounded at
    random, so that they hold on average; mmdet's ``ClassBalancedDataset`` rounds them up.

    Args:
        dataset (Sized): Dataset with ``get_cat_ids(index)``, as all of mmdet.
        repeat_threshold (float): Share of the images below which a class is rare.
            Defaults to 0.001.
        seed (int, optional): The same in all processes. Defaults to None: a shared random number.

    Raises:
        TypeError: If the dataset does not tell the classes of its images.

    Source: LVIS paper (arXiv 1908.03195), appendix B.2; detectron2
    ``data/samplers/distributed_sampler.py``.
    """

    def __init__(self,
                 dataset: Sized,
                 repeat_threshold: float = 0.001,
                 seed: Optional[int] = None) -> None:
        if not hasattr(dataset, 'get_cat_ids'):
            raise TypeError('RepeatFactorSampler needs a detection dataset, but '
                            f'{type(dataset).__name__} has no "get_cat_ids"; use InfiniteSampler')
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.size = len(dataset)
        self.factors = self._repeat_factors(dataset, repeat_threshold)

    def _repeat_factors(self, dataset: Sized, threshold: float) -> torch.Tensor:
        """Mean number of times that each image is sampled in a pass, shape (N, )."""
        classes = [set(dataset.get_cat_ids(i)) for i in range(self.size)]
        counts = Counter(itertools.chain.from_iterable(classes))
        factors = {c: max(1., (threshold * self.size / n)**0.5) for c, n in counts.items()}
        return torch.tensor([max((factors[c] for c in image), default=1.) for image in classes])

    def _indices(self) -> Iterator[int]:
        """Indices of all processes together."""
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            repeats = (self.factors + torch.rand(self.size, generator=generator)).floor().long()
            indices = torch.arange(self.size).repeat_interleave(repeats)
            yield from indices[torch.randperm(len(indices), generator=generator)].tolist()

    def __iter__(self) -> Iterator[int]:
        return itertools.islice(self._indices(), self.rank, None, self.world_size)

    def __len__(self) -> int:
        return self.size
