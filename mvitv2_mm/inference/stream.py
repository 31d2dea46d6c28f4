"""Reading, the network and writing at the same time, in bounded memory and a fixed order."""
import threading
import time
from collections import defaultdict, deque
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
        read (Callable): Turns a source into its items; runs in several threads at once.
        batch_size (int): Largest number of inputs in a batch.
        workers (int): Number of threads that read.
        tracker (Tracker, optional): Follows objects through the records. Defaults to None.

    Attributes:
        clock (Clock): Seconds of the stages 'reading' (of all threads), 'network', 'writing'.
    """

    def __init__(self,
                 predictor: Predictor,
                 read: Callable[[Source], Iterator[Prepared]],
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

    def __call__(self, sources: Iterable[Source]) -> Iterator[Tuple[int, Prepared, dict]]:
        """Yield number of the source, item and record, in the order of the sources."""
        self._stop.clear()
        batches: Queue = Queue(maxsize=2)
        network = threading.Thread(target=self._run_network, args=(sources, batches), daemon=True)
        network.start()
        try:
            yield from self._in_order(self._get_all(batches))
        finally:
            self._stop.set()
            network.join()

    def _in_order(self, batches: Iterator[Any]) -> Iterator[Tuple[int, Prepared, dict]]:
        waiting: Dict[int, tuple] = {}
        expected = 0
        for batch in batches:
            if isinstance(batch, BaseException):
                raise batch
            waiting.update((item[0], item[1:]) for item in batch)
            while expected in waiting:
                source, prepared, arrays = waiting.pop(expected)
                with self.clock('writing'):
                    record = self.predictor.record(prepared, arrays)
                    if self.tracker:
                        self.tracker.update(record)
                    yield source, prepared, record
                expected += 1

    def _run_network(self, sources: Iterable[Source], batches: Queue) -> None:
        try:
            for batch in self._batches(enumerate(self._items(sources))):
                with self.clock('network'):
                    arrays = self._predict([prepared for _, (_, prepared) in batch])
                self._put(batches,
                          [(number, *item, found) for (number, item), found in zip(batch, arrays)])
            self._put(batches, _END)
        except BaseException as error:  # raised again where the caller is
            self._put(batches, error)

    def _predict(self, batch: List[Prepared]) -> List[Arrays]:
        """Predict a batch; an input that the network cannot take gets an error."""
        if batch[0].error:
            return [{}]
        try:
            return self.predictor.predict(batch)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if len(batch) > 1:
                return [arrays for prepared in batch for arrays in self._predict([prepared])]
            batch[0].error = f'the network failed: {one_line(error, batch[0].source)}'
            return [{}]

    def _batches(self, items: Iterator[Tuple[int, tuple]]) -> Iterator[List[tuple]]:
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

    def _items(self, sources: Iterable[Source]) -> Iterator[Tuple[int, Prepared]]:
        """Numbers of the sources and their items, which threads read ahead."""
        ahead: deque = deque()
        numbered = enumerate(sources)
        with ThreadPoolExecutor(self.workers) as pool:
            while not self._stop.is_set():
                while len(ahead) < self.batch_size + self.workers:
                    number, source = next(numbered, (None, None))
                    if source is None:
                        break
                    items: Queue = Queue(maxsize=2 * self.batch_size)
                    pool.submit(self._read_into, source, items)
                    ahead.append((number, items))
                if not ahead:
                    break
                number, items = ahead.popleft()
                for prepared in self._get_all(items):
                    yield number, prepared

    def _read_into(self, source: Source, items: Queue) -> None:
        found = self._read(source)
        while not self._stop.is_set():
            with self.clock('reading'):
                prepared = next(found, _END)
            self._put(items, prepared)
            if prepared is _END:
                return
        found.close()

    def _put(self, queue: Queue, item: Any) -> None:
        while not self._stop.is_set():
            try:
                return queue.put(item, timeout=_PATIENCE)
            except Full:
                continue

    def _get_all(self, queue: Queue) -> Iterator[Any]:
        while not self._stop.is_set():
            try:
                item = queue.get(timeout=_PATIENCE)
            except Empty:
                continue
            if item is _END:
                return
            yield item
