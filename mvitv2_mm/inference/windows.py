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
    offsets = set(map(int, offsets))
    times: Dict[int, Tuple[float, float]] = {}
    pictures: Dict[int, np.ndarray] = {}
    index, last = 0, -1

    def window() -> Window:
        first = index * stride
        inside = [n for n in times if first <= n < first + span]
        start, end = (times[inside[0]][0], times[inside[-1]][1]) if inside else (0., 0.)
        own = {n: picture for n, picture in pictures.items() if first <= n < first + span}
        return Window(span, fps, index, start, end, first, own)

    for frame in frames:
        while frame.number >= index * stride + span:
            yield window()
            index += 1
            for numbers in (times, pictures):
                for number in [n for n in numbers if n < index * stride]:
                    del numbers[number]
        if frame.number >= index * stride:
            times[frame.number] = frame.start, frame.end
        # after frames that do not decode, the next one stands in for them
        passed = range(last + 1, frame.number + 1)
        starts = range(index * stride, frame.number + 1, stride)
        if any(number - start in offsets for number in passed for start in starts):
            pictures[frame.number] = frame.rgb()
        last = frame.number
    rest = last + 1 - index * stride
    is_new = index == 0 or last >= (index - 1) * stride + span
    if rest > 0 and is_new and (index == 0 or 2 * rest >= span):
        yield window()
