"""From a source to what the network takes: one item of a picture or clip, many of a long video."""
from functools import partial
from itertools import islice
from typing import Any, Callable, Iterator, Optional, Union

import numpy as np

from ..datasets.frame_stream import FrameStream
from ..datasets.readers import UnreadableClipError, VideoFile
from ..errors import UsageError
from .camera import Camera
from .people import People
from .pipeline import ClipPipeline
from .predictor import Predictor, Prepared
from .sources import VIDEO_TASKS, Source, opened
from .windows import Window, clip_span, slide


class Reader:
    """Reads sources, in any thread.

    A model for clips sees a video as its config tests do: clips spread over all of it, one item.
    With a stride it sees windows that slide, one item each; of a camera it always does. A model for
    pictures sees the frames of a video, one item each.

    Args:
        predictor (Predictor): Prepares what is read.
        keep_pictures (bool): Keep pictures as they were read, for drawing; of clips, of which all
            frames are drawn, none is kept. Defaults to False.
        stride (float, optional): Seconds from one window to the next; 0 for windows that touch.
            Defaults to None: no windows.
        every (int): Of the frames of a video, a model for pictures sees each ``every``-th. Defaults
            to 1.
        people (People, optional): Where people are, for a model of their actions, which sees each
            frame with people, one item each. Defaults to None.

    Raises:
        UsageError: If the model does not go with a stride, or with a choice of frames.
    """

    def __init__(self,
                 predictor: Predictor,
                 keep_pictures: bool = False,
                 stride: Optional[float] = None,
                 every: int = 1,
                 people: Optional[People] = None) -> None:
        _check_use(predictor, stride, every)
        self.predictor = predictor
        self.stride = stride
        self.every = every
        self.people = people
        self._is_for_clips = predictor.task in VIDEO_TASKS
        self.keep_pictures = keep_pictures and predictor.task != 'video'
        if predictor.task == 'video':
            self._of_windows = ClipPipeline(predictor.opened.cfg, predictor.fast, one_clip=True)

    def __call__(self, source: Source, first: int = 0) -> Iterator[Prepared]:
        """Yield the items of a source; where it cannot be read, one with an error ends them.

        Args:
            source (Source): The input.
            first (int): Number of the item to begin with. Defaults to 0.
        """
        try:
            for prepare in islice(self._read(source), first, None):
                yield prepare()
        except Exception as error:  # whatever is wrong with one file, the others are predicted
            yield Prepared(source.name, error=one_line(error, source.name))

    def _read(self, source: Source) -> Iterator[Callable[[], Prepared]]:
        """Yield functions that prepare the items; those of a video have to be called in turn."""
        in_order = not self._is_for_clips or self.stride is not None
        prepare = partial(
            self.predictor.prepare, source=source.name, keep_pictures=self.keep_pictures)
        with opened(source, FrameStream if in_order else VideoFile) as media:
            if self._is_for_clips and isinstance(media, (str, np.ndarray)):
                media = _as_clip(media, self.predictor.opened.name, in_order)
            is_whole = not in_order and not isinstance(media, Camera)
            if self.people is not None:
                yield from self._key_frames(media, source.name, prepare)
            elif is_whole:
                yield partial(self._whole, media, prepare)
            elif isinstance(media, (str, np.ndarray)):
                yield partial(prepare, media)
            elif self._is_for_clips:
                yield from self._windows(media, prepare)
            else:
                for frame in islice(media, 0, None, self.every):
                    place = dict(number=frame.number, second=frame.start)
                    yield lambda frame=frame, place=place: prepare(
                        frame.rgb(), places=dict(frame=place))

    def _whole(self, clip: Any, prepare: partial) -> Prepared:
        prepared = prepare(clip)
        prepared.num_clips = clip.num_frames / clip_span(self._of_windows.steps, clip.fps or 30.)
        return prepared

    def _key_frames(self, clip: Any, name: str,
                    prepare: partial) -> Iterator[Callable[[], Prepared]]:
        for number, second, boxes in self.people.of(name):
            if number is None:
                number = clip.frame_at(second)
            info = dict(
                key_frame=number,
                proposals=boxes,
                gt_bboxes=np.zeros((0, 4), np.float32),
                gt_labels=np.zeros((0, 1), np.float32))
            yield partial(
                prepare, clip, places=dict(frame=dict(number=number, second=second)), info=info)

    def _windows(self, frames: Any, prepare: partial) -> Iterator[Callable[[], Prepared]]:
        fps = frames.fps or 30.
        pipeline = self._of_windows
        span = clip_span(pipeline.steps, fps)
        stride = max(1, round(self.stride * fps)) if self.stride else span
        offsets = pipeline.sample(Window(num_frames=span, fps=fps))['frame_inds']
        for window in slide(frames, span, stride, offsets, fps):
            yield partial(prepare, window, places=window.place(offsets), pipeline=pipeline)


def _check_use(predictor: Predictor, stride: Optional[float], every: int) -> None:
    name, task = predictor.opened.name, predictor.task
    if every < 1 or (stride is not None and stride < 0):
        raise UsageError(f'every should be at least 1 and stride at least 0, but got {every} and '
                         f'{stride}')
    if stride is not None and task != 'video':
        raise UsageError(f'stride is for models for videos, but {name} is one for {task}')
    if every > 1 and task in VIDEO_TASKS:
        raise UsageError(f'every is for models for pictures, but {name} is one for {task}')


def _as_clip(media: Union[str, np.ndarray], model: str,
             in_order: bool) -> Union[VideoFile, FrameStream]:
    """The file of an animation as a clip; its frames may be read one after the other."""
    if isinstance(media, str):
        try:
            clip = VideoFile(media)
        except UnreadableClipError:
            clip = None
        if clip is not None and clip.num_frames > 1:
            return FrameStream(media) if in_order else clip
    raise ValueError(f'is a picture, but {model} takes videos')


def one_line(error: Exception, source: str = '') -> str:
    """An error in one line, without the name of the file that it starts with."""
    text = ' '.join(str(error).split()).removeprefix(f'{source}: ')
    is_plain = isinstance(error, (OSError, ValueError, UnreadableClipError))
    return text if is_plain and text else f'{type(error).__name__}: {text}'
