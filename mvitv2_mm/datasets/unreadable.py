"""One promise for pictures, boxes and clips that cannot be read."""
import logging
from typing import Any, Callable, List, Optional, Tuple

import torch
from mmengine.logging import print_log

from .file_limits import MAX_PIXELS, check_file, check_picture
from .storage import shown
from .watching import Held, Watch, time_limit

TIME_LIMIT = 120.  # seconds

# what is known of a sample
_DAMAGED, _BAD = 1, 2
_FEW = 10  # in a small set a few bad samples are a large share


class UnreadableError(RuntimeError):
    """A sample cannot be read; the message names its file and the reason."""


class ReplacesUnreadable:
    """For datasets of mmengine: goes on where a sample cannot be read, and says so.

    A sample that cannot be read is reported once, with its path and the reason. Training takes
    another one in its place, drawn from the random numbers of the run. Validation and testing get
    ``stand_in(idx)``, and ``UnreadableHook`` counts it as wrong. Too many such samples end the run.
    A sample that takes too long is one of them, as far as what reads it can be interrupted.

    Args:
        max_bad_share (float): Share of the samples, in each process, that may be unreadable. 10 of
            them, but not more than half, may be in any case. Defaults to 0.01.
        time_limit (float): Seconds that a sample may take; 0 for any. Defaults to 120.
        **kwargs: See :class:`mmengine.dataset.BaseDataset`; ``max_refetch`` is how many unreadable
            samples in a row end a training.
    """

    def __init__(self,
                 *args,
                 max_bad_share: float = 0.01,
                 time_limit: float = TIME_LIMIT,
                 **kwargs) -> None:
        self.max_bad_share = max_bad_share
        self.time_limit = time_limit
        super().__init__(*args, **kwargs)

    def full_init(self) -> None:
        """Load the annotations, see :class:`mmengine.dataset.BaseDataset`."""
        if not self._fully_initialized:
            super().full_init()
            # Shared, so that the workers of a data loader report and count a sample once.
            self._states = torch.zeros(len(self), dtype=torch.uint8).share_memory_()
            self._watch = Watch()

    def stand_in(self, idx: int) -> Any:
        """What testing gets in place of a sample."""
        raise NotImplementedError

    def __getitem__(self, idx: int) -> Any:
        """Processed sample ``idx``, or in training another one if it cannot be read."""
        self.full_init()
        reason = 'the augmentation left nothing of them'
        for _ in range(self.max_refetch + 1):
            try:
                data = self._prepare_in_time(idx)
                if data is not None:
                    return data
            except UnreadableError as error:
                reason = str(error)
                is_test = self.test_mode
                self.report(idx, f'{reason}; {"counted as wrong" if is_test else "replaced"}')
                if is_test:
                    return self.stand_in(idx)
            idx = self._rand_another()
        raise RuntimeError(f'{self.max_refetch + 1} samples in a row could not be used; check '
                           f'"data_root" and "data_prefix" of the dataset. The last one: {reason}')

    def _prepare_in_time(self, idx: int) -> Any:

        def too_slow() -> UnreadableError:
            return UnreadableError(f'{self.locate(idx)} takes more than {self.time_limit:g} s')

        with self._watch.reading(idx), time_limit(self.time_limit, too_slow):
            return self.prepare_data(idx)

    def locate(self, idx: int) -> str:
        """Path of a sample, for messages."""
        info = self.get_data_info(idx)
        keys = ('img_path', 'filename', 'frame_dir')
        return next((shown(info[key]) for key in keys if key in info), f'sample {idx}')

    def held(self) -> List[Tuple[str, Held]]:
        """Paths of the samples that data workers read, or read last."""
        return [(self.locate(held.sample), held) for held in self._watch.held()]

    def report(self, idx: int, reason: str, is_damaged: bool = False) -> None:
        """Log a sample that is bad, or damaged but of use, once; raise if too many are bad."""
        state = _DAMAGED if is_damaged else _BAD
        if self._states[idx] >= state:
            return
        self._states[idx] = state
        count, total = int((self._states == state).sum()), len(self)
        kind = 'damaged' if is_damaged else 'bad'
        print_log(f'{kind} sample {count} of {total}: {reason}', 'current', logging.WARNING)
        if state == _BAD and count > max(self.max_bad_share * total, min(_FEW, total // 2)):
            raise RuntimeError(
                f'{count} of the {total} samples of {self.ann_file or self.data_root} are '
                f'unreadable, more than max_bad_share={self.max_bad_share}. Repair or remove them, '
                f'or raise max_bad_share. The last one: {reason}')


def mark_unreadable(packed: dict) -> dict:
    """Note in a packed sample, or its views, that it is a stand-in, for ``UnreadableHook``."""
    views = packed.get('data_samples', ())
    for view in views if isinstance(views, (list, tuple)) else [views]:
        view.set_metainfo(dict(unreadable=True))
    return packed


def size_fault(results: dict) -> Optional[str]:
    """What is wrong with a loaded picture that is not as large as its annotation states, or None.

    Args:
        results (dict): With 'img_shape', and with 'height' and 'width' if they are stated.
    """
    stated = results.get('height'), results.get('width')
    size = tuple(results.get('img_shape', stated)[:2])
    if None in stated or size == stated:
        return None
    return 'is {} x {} pixels (height x width), annotated as {} x {}'.format(*size, *stated)


def load(step: Callable[[dict], dict], results: dict) -> dict:
    """Run a step that loads something of a picture, whose path is 'img_path'.

    Raises:
        UnreadableError: Whatever goes wrong.
    """
    path = results['img_path']
    try:
        if 'img' in results or hasattr(step, 'max_pixels'):
            check_file(path)
        else:  # of a host library
            check_picture(path)
        return step(results)
    except Exception as error:  # each decoder has its own kinds
        text = ' '.join(str(error).split()) or type(error).__name__
        path = shown(path)
        raise UnreadableError(text if path in text else f'{path}: {text}') from error


class ReadsPictures(ReplacesUnreadable):
    """:class:`ReplacesUnreadable` for datasets whose first step reads one picture."""

    def prepare_data(self, idx: int, image: Optional[Any] = None) -> Any:
        """Process sample ``idx``, with an image in place of its file if one is given.

        Raises:
            UnreadableError: If the file cannot be read.
        """
        results = self.get_data_info(idx)
        read, *others = self.pipeline.transforms
        if image is None:
            results = load(read, results)
            fault = None if self.test_mode or results is None else size_fault(results)
            if fault:
                raise UnreadableError(f'{shown(results["img_path"])} {fault}')
        else:
            results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        for step in others:
            if results is not None:
                is_loading = type(step).__name__.startswith('Load')
                results = load(step, results) if is_loading else step(results)
        return results

    def stand_in(self, idx: int) -> dict:
        """The sample with a grey picture."""
        info = self.get_data_info(idx)
        height, width = int(info.get('height', 256)), int(info.get('width', 256))
        if height * width > MAX_PIXELS:
            height = width = 256
        grey = torch.full((height, width, 3), 128, dtype=torch.uint8).numpy()
        return mark_unreadable(self.prepare_data(idx, grey))
