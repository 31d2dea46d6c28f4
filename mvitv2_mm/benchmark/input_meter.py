"""Measures one input pipeline on demand, in a process of its own."""
import multiprocessing
import re
import statistics
import warnings
from contextlib import redirect_stdout
from functools import wraps
from io import StringIO
from time import perf_counter, process_time
from typing import Any, Callable, Dict, NamedTuple, Tuple

import cv2
import psutil
import torch
from torch.utils.data import DataLoader, RandomSampler

from ..datasets.seeded import seed_generators
from .inputs import InputCase, build
from .sample_data import Files

_MIB = 2**20
_SECONDS = 2.5  # for which data loaders are watched
# the first that fits the name of a step
_STAGES = {
    'decode': 'Load|Open|Read|Sample|Decord|Decode',
    'crop, resize': 'Resize|Crop|Jitter|^Pad',
    'pack': 'Pack|Format|Filter|ToNumpy|ToTensor',
    'augment': '',
}
# of the workers, and of the process of the training
STAGES = ('decode', 'crop, resize', 'augment', 'pack', 'collate', 'other')
LAST = 'normalise, mix'

Times = Dict[str, Tuple[float, float]]


class Rate(NamedTuple):
    """What a data loader gives: samples per second, and the MiB of one of its workers.

    ``own`` is memory that no other process has, ``shared`` a worker's part of what several have.
    """
    per_second: float
    own: float
    shared: float


def stage_of(step: Any) -> str:
    """What a step of a pipeline does, by its name."""
    name = type(step).__name__
    return next(stage for stage, names in _STAGES.items() if re.search(names, name))


class Stopwatch:
    """Adds up the CPU and the wall time of stages, in seconds."""

    def __init__(self) -> None:
        self.spent: Dict[str, list] = {}

    def timed(self, stage: str, function: Callable) -> Callable:

        @wraps(function)
        def timed_function(*args: Any, **kwargs: Any) -> Any:
            cpu, wall = process_time(), perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent = self.spent.setdefault(stage, [0., 0.])
                spent[0] += process_time() - cpu
                spent[1] += perf_counter() - wall

        return timed_function


class InputMeter:
    """Times the stages of an input pipeline, and the data loaders that run it.

    Args:
        case (InputCase): What is read.
        name (str): Of the implementation.
        files (Files): Where it lies.
        threads (int): Of PyTorch. OpenCV has one.
    """

    def __init__(self, case: InputCase, name: str, files: Files, threads: int) -> None:
        torch.set_num_threads(threads)
        cv2.setNumThreads(0)
        # of more workers than processors
        warnings.filterwarnings('ignore', 'This DataLoader will create')
        with redirect_stdout(StringIO()):  # pycocotools prints, loggers go on writing there
            self.case, self.input = case, build(case, name, files)
        self.watch = Stopwatch()
        for i, step in enumerate(self.input.steps):
            stage = stage_of(step)
            if hasattr(step, 'transform'):  # keeps the type, by which data sets know their steps
                step.transform = self.watch.timed(stage, step.transform)
            else:
                self.input.steps[i] = self.watch.timed(stage, step)

    def times(self, turn: int) -> Times:
        """CPU and wall seconds of a sample in every stage; each turn has its own draws."""
        seed_generators(0, 0, turn)
        count, dataset = self.case.batch_size, self.input.dataset
        self.watch.spent.clear()
        timed = self.watch.timed
        indices = [(turn * count + k) % len(dataset) for k in range(count)]
        samples = timed('samples', lambda: [dataset[i] for i in indices])()
        batch = timed('collate', self.input.collate)(samples)
        timed(LAST, self.input.preprocess)(batch)
        spent = {
            stage: (cpu / count, wall / count)
            for stage, (cpu, wall) in self.watch.spent.items()
        }
        in_steps = [spent[stage] for stage in spent if stage in _STAGES]
        whole = spent.pop('samples')
        rest = [value - sum(values) for value, *values in zip(whole, *in_steps)]
        known = spent.get(self.input.rest, (0., 0.))
        spent[self.input.rest] = tuple(a + max(b, 0.) for a, b in zip(known, rest))
        return spent

    def rate(self, workers: int) -> Rate:
        """What a data loader with so many workers gives."""
        batch_size = max(self.case.batch_size // 2, 1)
        loader = DataLoader(
            self.input.dataset,
            batch_size,
            sampler=RandomSampler(self.input.dataset, replacement=True, num_samples=10**6),
            num_workers=workers,
            collate_fn=self.input.collate,
            multiprocessing_context='fork')
        batches = iter(loader)
        for _ in range(workers):  # of a start that is not even
            next(batches)
        start, count, now = perf_counter(), 0, 0.
        while now < _SECONDS or count < 2 * workers:
            next(batches)
            count, now = count + 1, perf_counter() - start
        memory = [
            psutil.Process(process.pid).memory_full_info()
            for process in multiprocessing.active_children()
        ]
        own = statistics.median(each.uss for each in memory) / _MIB
        whole = statistics.median(each.pss for each in memory) / _MIB
        return Rate(count * batch_size / now, own, whole - own)
