"""``Inferencer``: a model, inputs, and plain results."""
import os
from dataclasses import replace
from typing import Any, Iterator, Optional, Sequence, Union

from ..checkpoints.model_source import OpenedModel, open_model
from ..checkpoints.tasks import count_classes
from ..devices import find_device, usual_device
from ..errors import UsageError
from .people import NEEDED, People
from .predictor import Predictor, usual_batch_size
from .reading import Reader
from .sources import find_sources, is_single
from .stream import Stream
from .tracks import Tracker


class Inferencer:
    """Predicts pictures, videos, folders of them, URLs and arrays, one plain dict for each.

    Args:
        model (str | OpenedModel): A model folder, a published name such as 'mvitv2-tiny_in1k', a
            checkpoint of ours, or a config with ``checkpoint``.
        checkpoint (str, optional): Weights for a config. Defaults to None.
        device (str, optional): 'cpu', 'cuda', 'cuda:1'. Defaults to None: a GPU if there is one, a
            CPU for an exported file.
        batch_size (int, optional): Largest batch. Defaults to None: that of the config's tests, at
            most 16.
        amp (bool): Half precision. Defaults to False.
        fast (bool): One view of a clip instead of all that the config tests on. Defaults to False.
        top_k (int): How many classes, or actions of a person, to list. Defaults to 5.
        score_thr (float, optional): Least score of what is listed. Defaults to None: 0.3 for
            objects, 0 for classes and actions.
        classes (Sequence[str], optional): Class names of a model that does not know its own.
            Defaults to None.
        cfg_options (dict, optional): Changes to the config. Defaults to None.
        stride (float, optional): Of a model for clips, seconds from one window of a video to the
            next, 0 for windows that touch. Defaults to None: one record for each video.
        every (int): Of a model for pictures, each how many frames of a video one is predicted.
            Defaults to 1.
        track (bool): Whether objects are followed from frame to frame. Defaults to False.
        boxes (str, optional): File that tells a model for actions of people where they are; see
            :class:`People`. Defaults to None.

    Raises:
        OSError: If the model is not there.
        ValueError: If the model or an argument cannot be used.
    """

    def __init__(self,
                 model: Union[str, OpenedModel],
                 checkpoint: Optional[str] = None,
                 device: Optional[str] = None,
                 batch_size: Optional[int] = None,
                 amp: bool = False,
                 fast: bool = False,
                 top_k: int = 5,
                 score_thr: Optional[float] = None,
                 classes: Optional[Sequence[str]] = None,
                 cfg_options: Optional[dict] = None,
                 stride: Optional[float] = None,
                 every: int = 1,
                 track: bool = False,
                 boxes: Optional[str] = None) -> None:
        check_least(batch_size=batch_size, top_k=top_k)
        if score_thr is not None and not 0 <= score_thr <= 1:
            raise UsageError(f'score_thr should be from 0 to 1, but got {score_thr}')
        if not isinstance(model, OpenedModel):
            model = open_model(os.fspath(model), checkpoint, cfg_options)
        if classes is not None:
            model = _with_classes(model, classes)
        check_people(model, boxes, stride)
        if track and model.task != 'detection':
            raise UsageError(f'objects are followed, but {model.name} is a model for {model.task}')
        self.opened = model
        device = 'cpu' if device is None and model.is_exported else device
        self.predictor = Predictor(model, pick_device(device), amp, fast, top_k, score_thr)
        self.batch_size = batch_size or usual_batch_size(model)
        if model.task == 'action_detection':
            self.batch_size = 1  # the RoI head of mmaction2 takes no more
        self.stride, self.every, self.track = stride, every, track
        self.people = People(os.fspath(boxes)) if boxes is not None else None

    def __call__(self, inputs: Any) -> Any:
        """The record of one picture or clip, or a list of records.

        Args:
            inputs (Any): A path, a folder, a pattern, a URL, RGB pixels (H, W, 3) or (T, H, W, 3)
                of uint8, a picture of Pillow, the number of a camera, or a list of these.

        Returns:
            dict | list[dict]: One record where one input gives one, else a list of all.
        """
        records = list(self.stream(inputs))
        return records[0] if is_single(inputs) and len(records) == 1 else records

    def stream(self, inputs: Any) -> Iterator[dict]:
        """Yield the records of inputs one by one, in their order, in constant memory."""
        for _, _, record in self.run(inputs):
            yield record

    def run(self, inputs: Any) -> Iterator[tuple]:
        """Yield number of the source, item and record; see :class:`Stream`."""
        if is_single(inputs) or isinstance(inputs, (str, os.PathLike)):  # no list of inputs
            inputs = [inputs]
        return self.make_stream()(find_sources(inputs, self.predictor.task))

    def make_stream(self, workers: Optional[int] = None, keep_pictures: bool = False) -> Stream:
        """The stages that turn sources into records."""
        read = Reader(self.predictor, keep_pictures, self.stride, self.every, self.people)
        tracker = Tracker() if self.track else None
        return Stream(self.predictor, read, self.batch_size, workers or default_workers(), tracker)


def _with_classes(model: OpenedModel, classes: Sequence[str]) -> OpenedModel:
    number = count_classes(model.cfg.model)
    if len(classes) != number:
        raise UsageError(
            f'{len(classes)} names of classes are given, but {model.name} has {number} '
            'classes')
    return replace(model, classes=tuple(classes), notes=[])


def check_least(**numbers: Optional[int]) -> None:
    """Raise UsageError for a number below 1."""
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise UsageError(f'{name} should be at least 1, but got {value}')


def check_people(model: OpenedModel, boxes: Optional[str], stride: Optional[float]) -> None:
    """Raise UsageError if boxes of people are lacking, or given to a model that takes none."""
    takes_people = model.task == 'action_detection'
    if takes_people and boxes is None:
        raise UsageError(f'{model.name}: {NEEDED}')
    if not takes_people and boxes is not None:
        raise UsageError(f'boxes of people are for models of actions in boxes, but {model.name} is '
                         f'one for the task "{model.task}"')
    if takes_people and stride is not None:
        raise UsageError(f'{model.name} predicts the frames that "boxes" names; windows do not '
                         'slide')


def pick_device(device: Optional[str]) -> str:
    """A device that is there, a GPU if none is asked for.

    Of several processes that ``torchrun`` has started, each takes the GPU of its number.

    Raises:
        UsageError: If the device that is asked for is not there.
    """
    if device is None:
        device = usual_device()
    if device == 'cuda':
        device = f'cuda:{os.environ.get("LOCAL_RANK", 0)}'
    return str(find_device(device))


def default_workers() -> int:
    """How many threads read: as many as there are cores for this process, from 2 to 8."""
    return min(max(len(os.sched_getaffinity(0)), 2), 8)
