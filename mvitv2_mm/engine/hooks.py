import logging
import random
from functools import partial
from typing import Any, Callable, Iterator, Optional, Sequence

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop, FlexibleRunner, IterBasedTrainLoop, Runner
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from ..checkpoints import CheckpointError
from ..checkpoints.adapters import check_complete
from ..checkpoints.class_names import trained_classes
from ..checkpoints.io import meta_of
from ..datasets.seeded import seed_generators
from ..heap import reuse
from ..registry import FUNCTIONS, HOOKS

_KEPT_BY_WORKER = 2**27  # bytes, of each of many processes


@HOOKS.register_module()
class FP16CompressionHook(Hook):
    """Exchange the gradients of a distributed training in float16.

    Halves the traffic between GPUs; does nothing in one process.

    Source: detectron2 ``train.ddp.fp16_compression``.
    """

    def before_train(self, runner: Runner) -> None:
        if isinstance(runner.model, DistributedDataParallel):
            runner.model.register_comm_hook(state=None, hook=fp16_compress_hook)


@HOOKS.register_module()
class IndicesHook(Hook):
    """Score a part of a dataset, that ``indices`` name, against its own annotations.

    Metrics of the hosts that read the file of annotations themselves, such as ``CocoMetric``, would
    count every object in the other pictures as missed. Where a metric cannot be told, a warning is
    logged.
    """

    def before_val_epoch(self, runner: Runner) -> None:
        self._limit(runner.val_loop)

    def before_test_epoch(self, runner: Runner) -> None:
        self._limit(runner.test_loop)

    def _limit(self, loop: BaseLoop) -> None:
        dataset = loop.dataloader.dataset
        if getattr(dataset, '_indices', None) is None:
            return
        for metric in loop.evaluator.metrics:
            if hasattr(metric, 'img_ids'):
                infos = map(dataset.get_data_info, range(len(dataset)))
                metric.img_ids = [info['img_id'] for info in infos]
            elif hasattr(metric, 'ann_file'):
                print_log(
                    f'{type(metric).__name__} counts all annotations of its file, also those '
                    'that "indices" of the dataset leave out: the result is too low', 'current',
                    logging.WARNING)


class _Rest:
    """A data loader without the batches of an epoch that were done before.

    They are read all the same, since what a worker draws depends on what it drew before.

    Args:
        loader (DataLoader): The whole.
        num_done (int): How many batches to leave out.
        before_first (Callable): Called before the first one that is not.
    """

    def __init__(self, loader: DataLoader, num_done: int, before_first: Callable) -> None:
        self.loader, self.num_done, self.before_first = loader, num_done, before_first

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator:
        batches = iter(self.loader)
        for _ in range(self.num_done):
            next(batches)
        self.before_first()
        yield from batches


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Seed all generators of random numbers anew for every iteration of training.

    What an iteration draws then follows from the seed of the run, the rank of the process and the
    number of the iteration alone. A training that was killed and resumed, which in mmengine starts
    with fresh generators, so gives the result of an uninterrupted one bit for bit, in every process
    and whether or not it validates in between.

    This covers dropout, drop path and batch augmentation, and what the data pipeline draws where

    - ``num_workers=0``, or
    - the loop counts iterations: mmengine then reads the batches again that it skips, or
    - the loop counts epochs and starts its workers for every epoch, as in
      ``dict(persistent_workers=False, worker_init_fn=dict(type='mvitv2_mm.seed_worker'))``.

    It does not cover persistent workers of a loop over epochs, which start again from their first
    seed, and kernels of a GPU that are not deterministic.
    """
    priority = 'LOWEST'

    def __init__(self) -> None:
        self.num_done = 0  # batches of an epoch in the middle of which a run goes on

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if runner._resume:
            self.num_done = checkpoint['meta'].get('batches_of_epoch', 0)

    def before_train_epoch(self, runner: Runner) -> None:
        loop = runner.train_loop
        if isinstance(loop, IterBasedTrainLoop):
            self._seed(runner, runner.iter)
            loop.dataloader_iterator = self._skip_and_seed(loop.dataloader_iterator, runner)
            return
        self._seed(runner, runner.iter - self.num_done)
        if self.num_done:
            loop.dataloader = _Rest(loop.dataloader, self.num_done,
                                    partial(self._seed, runner, runner.iter))

    def after_train_epoch(self, runner: Runner) -> None:
        if self.num_done:
            runner.train_loop.dataloader = runner.train_loop.dataloader.loader
            self.num_done = 0

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        self._seed(runner, runner.iter + 1)

    def after_val(self, runner: Runner) -> None:
        self._seed(runner, runner.iter)

    def _skip_and_seed(self, batches: Iterator, runner: Runner) -> Iterator:
        """Pass the batches on, of which a resumed loop skips the first."""
        start = runner.iter
        for _ in range(start):
            yield next(batches)
        self._seed(runner, start)
        yield from batches

    def _seed(self, runner: Runner, iteration: int) -> None:
        seed_generators(runner.seed, get_rank(), iteration)


@HOOKS.register_module()
class SameClassesHook(Hook):
    """Refuse a checkpoint of other classes, in a test and where a training goes on.

    Args:
        loop (str): Whose dataset the checkpoint should fit, 'train' or 'test'.
        classes (Sequence[str], optional): Classes of a checkpoint that does not name them itself.
            Defaults to None.

    Raises:
        CheckpointError: If the checkpoint names other classes than the dataset or the same in
            another order, or lacks weights of the model.
    """

    def __init__(self, loop: str, classes: Optional[Sequence[str]] = None) -> None:
        self.loop = loop
        self.classes = classes

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        trained = trained_classes(meta_of(checkpoint)) or self.classes
        dataset = getattr(runner, f'{self.loop}_dataloader').dataset
        classes = getattr(dataset, 'metainfo', {}).get('classes')
        if trained and classes and list(trained) != list(map(str, classes)):
            raise CheckpointError(
                f'the checkpoint was trained on the {len(trained)} classes '
                f'{str(list(trained))[1:-1][:150]}, but {self.loop}_dataloader.dataset has the '
                f'{len(classes)} classes {str(list(classes))[1:-1][:150]}; its "metainfo.classes" '
                'should be the former, in their order')
        if not isinstance(runner, FlexibleRunner):  # whose model may be cut up
            check_complete(runner.model, dict(checkpoint).get('state_dict', checkpoint))


@FUNCTIONS.register_module()
def seed_worker(worker_id: int) -> None:
    """Seed a data worker with what PyTorch drew for it, for ``worker_init_fn``.

    mmengine's default gives a worker the same seed whenever it is started: in every epoch, if the
    workers are not persistent. The worker also keeps the memory of a sample for the next one.
    """
    reuse(_KEPT_BY_WORKER)
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)
