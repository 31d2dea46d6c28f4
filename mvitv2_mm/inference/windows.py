"""Windows that slide over a video: each frame is decoded once, and only what is needed is kept."""
from dataclasses import dataclass, field
from typing import Dict, Iterable, Iterator, List, Sequence, Tuple

import numpy as np

from ..datasets.frame_stream import TimedFrame
from ..datasets.readers import UnreadableClipError

# what is shown of Something-Something, whose clips are sampled over all of their length
_USUAL_SECONDS = 4.
_USUAL_FPS = 30.


def clip_span(steps: Sequence[dict], fps: float) -> int:
    """Frames that a clip spans in a test pipeline.

    Args:
        steps (Sequence[dict]): Steps of the pipeline.
        fps (float): Frame rate of the video.

    Returns:
        int: Length of the span; 4 seconds if the pipeline samples over the length of any video.
    """
    for step in steps:
        if step.get('clip_len') and step.get('frame_interval'):
            rate = step.get('target_fps', _USUAL_FPS) if 'SampleClips' in step['type'] else fps
            return max(1, round(step['clip_len'] * step['frame_interval'] * fps / rate))
    return max(1, round(_USUAL_SECONDS * fps))


@dataclass
class Window:
    """A part of a video that is read as if it was a video of its own.

    Attributes:
        num_frames (int): Frames that it spans.
        fps (float): Frame rate.
        index (int): Its number in the video.
        start (float): Second of the clock of the file at which its first frame appears.
        end (float): Second at which the frame after it appears.
        first (int): Number of its first frame.
        pictures (dict): RGB arrays (H, W, 3) by the numbers of the frames.
    """
    num_frames: int
    fps: float
    index: int = 0
    start: float = 0.
    end: float = 0.
    first: int = 0
    pictures: Dict[int, np.ndarray] = field(default_factory=dict)

    def read(self, indices: Sequence[int]) -> List[np.ndarray]:
        """Frames counted from the first; past the end of the video, the last one.

        Raises:
            UnreadableClipError: If no frame of the window decodes.
        """
        return [self.pictures[number] for number in self._numbers(indices)]

    def place(self, indices: Sequence[int]) -> dict:
        """What the record says about the window when these frames are used."""
        frames = sorted(set(self._numbers(indices)))
        return dict(window=dict(index=self.index, start=self.start, end=self.end, frames=frames))

    def _numbers(self, indices: Sequence[int]) -> List[int]:
        there = sorted(self.pictures)
        if not there:
            raise UnreadableClipError(f'no frame decodes between {self.start:.2f} and '
                                      f'{self.end:.2f} s')
        wanted = self.first + np.asarray(indices)
        return [there[i] for i in np.maximum(np.searchsorted(there, wanted, 'right') - 1, 0)]


def slide(frames: Iterable[TimedFrame], span: int, stride: int, offsets: Sequence[int],
          fps: float) -> Iterator[Window]:
    """Yield the windows of a video.

    A video that is shorter than a window is one. Of a longer one, what remains at the end is a
    window if it is at least half as long as the others.

    Args:
        frames (Iterable[TimedFrame]): The frames in their order.
        span (int): Frames that a window spans.
        stride (int): Frames from the start of one window to that of the next.
        offsets (Sequence[int]): Frames of a window that are used, counted from its first.
        fps (float): Frame rate.
    """
    ring = _Ring(span, stride, offsets, fps)
    for frame in frames:
        while frame.number >= ring.first + span:
            yield ring.window()
            ring.step()
        ring.add(frame)
    rest = ring.num_seen - ring.first
    is_new = ring.index == 0 or rest > span - stride
    if rest > 0 and is_new and (ring.index == 0 or 2 * rest >= span):
        yield ring.window()


class _Ring:
    """What is kept of a video: times and pictures from the first frame of a window on."""

    def __init__(self, span: int, stride: int, offsets: Sequence[int], fps: float) -> None:
        self.span, self.stride, self.fps = span, stride, fps
        self.index, self.num_seen = 0, 0
        self._offsets = set(map(int, offsets))
        self._times: Dict[int, Tuple[float, float]] = {}
        self._pictures: Dict[int, np.ndarray] = {}

    @property
    def first(self) -> int:
        """Number of the first frame of the window."""
        return self.index * self.stride

    def add(self, frame: TimedFrame) -> None:
        """Take the next frame, and its picture if a window uses it."""
        if frame.number >= self.first:
            self._times[frame.number] = frame.start, frame.end
        # after frames that do not decode, the next one stands in for them
        passed = range(self.num_seen, frame.number + 1)
        starts = range(self.first, frame.number + 1, self.stride)
        if any(number - start in self._offsets for number in passed for start in starts):
            self._pictures[frame.number] = frame.rgb()
        self.num_seen = frame.number + 1

    def window(self) -> Window:
        """The window, as far as it has been seen."""
        inside = range(self.first, self.first + self.span)
        times = [self._times[number] for number in inside if number in self._times]
        start, end = (times[0][0], times[-1][1]) if times else (0., 0.)
        pictures = {n: self._pictures[n] for n in inside if n in self._pictures}
        return Window(self.span, self.fps, self.index, start, end, self.first, pictures)

    def step(self) -> None:
        """Go to the next window, and forget what comes before it."""
        self.index += 1
        for kept in (self._times, self._pictures):
            for number in [number for number in kept if number < self.first]:
                del kept[number]
