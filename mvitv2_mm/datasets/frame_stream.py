"""Every frame of a video once, in order, in constant memory."""
from dataclasses import dataclass
from typing import Callable, Iterator

import numpy as np

from .readers import UnreadableClipError, scan_file
from .to_rgb import ToRGB
from .video_index import decode_all, scan_packets

_THREADS = 4


@dataclass(frozen=True)
class TimedFrame:
    """A frame and when it is shown.

    Attributes:
        number (int): Its number, counted from 0.
        start (float): Second of the clock of the file at which it appears.
        end (float): Second at which the next one takes its place.
        rgb (Callable): Returns the RGB array (H, W, 3) of uint8.
    """
    number: int
    start: float
    end: float
    rgb: Callable[[], np.ndarray]


class FrameStream:
    """The frames of :class:`VideoFile`, with the same numbers and times, from start to end.

    A frame that does not decode is left out; the numbers of the others do not change.

    Args:
        path (str): The file.

    Attributes:
        fps (float, optional): Average frame rate, None if the file does not say.
        num_frames (int, optional): Frames in the file, None if only decoding all of it tells.

    Raises:
        ImportError: If PyAV is not installed.
        UnreadableClipError: If the file cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._scan = scan_file(path, scan_packets)
        self.fps = self._scan.fps
        self.num_frames = len(self._scan.table.stamps) if self._scan.table else None

    def __iter__(self) -> Iterator[TimedFrame]:
        to_rgb = ToRGB()
        held = None  # until the next one tells how long it is shown
        for number, start, frame in self._numbered():
            if held:
                yield TimedFrame(held[0], held[1], start, lambda frame=held[2]: to_rgb(frame))
            held = number, start, frame
        if held is None:
            raise UnreadableClipError(f'{self.path}: no video frame in the file')
        end = held[1] + 1 / (self.fps or 30)
        yield TimedFrame(held[0], held[1], end, lambda: to_rgb(held[2]))

    def _numbered(self) -> Iterator[tuple]:
        scan, last = self._scan, -float('inf')
        for count, frame in enumerate(decode_all(self.path, _THREADS)):
            number = scan.table.number(frame.pts) if scan.table else count
            start = number / (self.fps or 30)
            if scan.has_clock and frame.pts is not None:
                start = frame.pts * scan.time_base
            if number >= 0:
                last = max(start, last)
                yield number, last, frame
