"""Says when a training waits for its data."""
import os
from math import ceil
from time import perf_counter
from typing import Optional

from mmengine.hooks import Hook
from mmengine.runner import Runner

from .agreement import Agreement

_STEPS = 50  # that are looked at
_TOO_MUCH = 20  # percent of the time


class SlowLoadingHook(Hook):
    """Say once when loading holds the network back, by how much, and what helps.

    The first 50 steps are looked at, without the first one of each epoch, which also starts the
    data workers, and without the one that follows a validation. Of several processes the one that
    waits longest counts, since the others wait for it.
    """
    # after what other hooks do between two steps
    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        self.agreement = Agreement(runner)
        self.steps, self.waited, self.total = 0, 0., 0.
        self.end: Optional[float] = None  # of the step before

    def before_train_epoch(self, runner: Runner) -> None:
        self.end = None

    def after_val(self, runner: Runner) -> None:
        self.end = None

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        self.start = perf_counter()

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        before, self.end = self.end, perf_counter()
        if before is None or self.steps == _STEPS:
            return
        self.waited += self.start - before
        self.total += self.end - before
        self.steps += 1
        if self.steps == _STEPS:
            share = self.agreement.highest(round(100 * self.waited / self.total))
            if share >= _TOO_MUCH:
                runner.logger.warning(
                    f'loading holds the network back: {share} % of the time of {_STEPS} steps was '
                    f'spent waiting for data. {_remedy(share, runner.train_dataloader.num_workers)}'
                )


def _remedy(share: int, workers: int) -> str:
    """What lets a training wait less, which waits for a share of its time, in percent."""
    cores = len(os.sched_getaffinity(0)) // int(os.environ.get('LOCAL_WORLD_SIZE', 1))
    busy = max(100 - share, 1)
    # without workers the network waits for each batch, otherwise for those that are too few
    wanted = min(ceil(100 * workers / busy if workers else share / busy), cores)
    if wanted > workers:
        return ('More data workers load faster: --cfg-options '
                f'train_dataloader.num_workers={wanted} (now {workers}, on {cores} processor cores '
                'for each process)')
    return (f'Its {workers} data workers already have no more than {cores} processor cores: files '
            'that are stored smaller load faster')
