"""Reading, the network and writing at the same time, in bounded memory and a fixed order."""
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import torch

from .predictor import Predictor, Prepared
from .reading import one_line
from .records import Arrays
from .sources import Source
from .tracks import Tracker

_END = object()
_PATIENCE = 0.1  # seconds after which a waiting thread looks whether it should stop


class Clock:
    """Seconds that each stage was at work."""

    def __init__(self) -> None:
        self.seconds: Dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds[stage] += time.perf_counter() - start


class Stream:
    """Predicts sources: threads read ahead, one runs the network, the caller makes the records.

    Inputs of equal shape share a batch. Batches are cut from ``chunk`` consecutive inputs, and no
    batch reaches beyond them, so that a run that starts at a multiple of ``chunk`` forms the
    same batches as one that starts at the first input, and gives the same numbers.

    Args:
        predictor (Predictor): The model.
        read (Callable): Turns a source into its items, from an item of a number on; runs in several
            threads at once.
        batch_size (int): Largest number of inputs in a batch. Defaults to 1.
        workers (int): Number of threads that read. Defaults to 2.
        tracker (Tracker, optional): Follows objects through the records. Defaults to None.

    Attributes:
        chunk (int): See above.
        clock (Clock): Seconds of the stages; see :meth:`stages`.
    """

    def __init__(self,
                 predictor: Predictor,
                 read: Callable[[Source, int], Iterator[Prepared]],
                 batch_size: int = 1,
                 workers: int = 2,
                 tracker: Optional[Tracker] = None) -> None:
        self.predictor = predictor
        self.tracker = tracker
        self.batch_size = batch_size
        self.workers = workers
        self.chunk = 4 * batch_size
        self.clock = Clock()
        self._read = read
        self._stop = threading.Event()

    def __call__(self,
                 sources: Iterable[Source],
                 first: int = 0) -> Iterator[Tuple[int, Prepared, dict]]:
        """Yield number of the source, item and record, in the order of the sources.

        Args:
            sources (Iterable[Source]): The inputs.
            first (int): Number of the item of the first source to begin with. Defaults to 0.
        """
        self._stop.clear()
        ahead: Queue = Queue(maxsize=self.batch_size + self.workers)
        batches: Queue = Queue(maxsize=2)
        threads = [
            threading.Thread(target=self._guard, args=(ahead, self._feed, sources, first)),
            threading.Thread(target=self._guard, args=(batches, self._run_network, ahead))
        ]
        for thread in threads:
            thread.daemon = True
            thread.start()
        try:
            yield from self._in_order(self._get_all(batches))
        finally:
            self._stop.set()
            threads[1].join()
            threads[0].join(timeout=1)  # it may wait for the standard input

    def stages(self) -> Dict[str, float]:
        """Seconds that each stage was at work; 'reading' is shared by the threads."""
        seconds = self.clock.seconds
        return dict(
            reading=seconds['reading'] / self.workers,
            network=seconds['network'],
            writing=seconds['writing'])

    def _guard(self, queue: Queue, stage: Callable, *args: Any) -> None:
        """Run a stage that fills a queue; its end or its error is the last that it puts there."""
        try:
            stage(queue, *args)
            self._put(queue, _END)
        except BaseException as error:  # raised again by who reads the queue
            self._put(queue, error)

    def _feed(self, ahead: Queue, sources: Iterable[Source], first: int) -> None:
        """Have threads read the sources; puts number of each and queue of its items."""
        with ThreadPoolExecutor(self.workers) as pool:
            for number, source in enumerate(sources):
                items: Queue = Queue(maxsize=2 * self.batch_size)
                pool.submit(self._guard, items, self._read_into, source, 0 if number else first)
                self._put(ahead, (number, items))
                if self._stop.is_set():
                    return

    def _read_into(self, items: Queue, source: Source, first: int) -> None:
        found = self._read(source, first)
        while not self._stop.is_set():
            with self.clock('reading'):
                prepared = next(found, None)
            if prepared is None:
                return
            self._put(items, prepared)
        found.close()

    def _run_network(self, batches: Queue, ahead: Queue) -> None:
        items = ((number, prepared) for number, queue in self._get_all(ahead)
                 for prepared in self._get_all(queue))
        for batch in self._batches(enumerate(items)):
            with self.clock('network'):
                arrays = self._predict([prepared for _, (_, prepared) in batch])
            self._put(batches,
                      [(number, *item, found) for (number, item), found in zip(batch, arrays)])

    def _batches(self, items: Iterator[Tuple[int, tuple]]) -> Iterator[List[tuple]]:
        """Put items of one shape together, within chunks of consecutive ones."""
        waiting: Dict[tuple, list] = defaultdict(list)
        for number, (source, prepared) in items:
            if prepared.error:
                yield [(number, (source, prepared))]
            else:
                same = waiting[prepared.shape]
                same.append((number, (source, prepared)))
                if len(same) == self.batch_size:
                    yield waiting.pop(prepared.shape)
            if (number + 1) % self.chunk == 0:
                yield from waiting.values()
                waiting.clear()
        yield from waiting.values()

    def _predict(self, batch: List[Prepared]) -> List[Arrays]:
        """Predict a batch; an input that the network cannot take gets an error."""
        if batch[0].error:
            return [{}]
        try:
            return self.predictor.predict(batch)
        except torch.OutOfMemoryError as error:
            raise ValueError(f'{str(error).splitlines()[0]} Take smaller batches: --batch-size '
                             f'{max(self.batch_size // 2, 1)}') from error
        except Exception as error:
            if len(batch) > 1:
                return [arrays for prepared in batch for arrays in self._predict([prepared])]
            batch[0].error = f'the network failed: {one_line(error, batch[0].source)}'
            return [{}]

    def _in_order(self, batches: Iterator[list]) -> Iterator[Tuple[int, Prepared, dict]]:
        waiting: Dict[int, tuple] = {}
        expected = 0
        for batch in batches:
            waiting.update((item[0], item[1:]) for item in batch)
            while expected in waiting:
                source, prepared, arrays = waiting.pop(expected)
                with self.clock('writing'):
                    record = self.predictor.record(prepared, arrays)
                    if self.tracker:
                        self.tracker.update(record)
                    yield source, prepared, record
                expected += 1

    def _put(self, queue: Queue, item: Any) -> None:
        while not self._stop.is_set():
            try:
                return queue.put(item, timeout=_PATIENCE)
            except Full:
                continue

    def _get_all(self, queue: Queue) -> Iterator[Any]:
        """What a stage puts into a queue; raises its error."""
        while not self._stop.is_set():
            try:
                item = queue.get(timeout=_PATIENCE)
            except Empty:
                continue
            if item is _END:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
