"""Pictures and videos to look at, drawn beside the run in a thread of their own."""
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Optional, Sequence, Union

import numpy as np

from ..datasets.frame_stream import FrameStream, TimedFrame
from ..datasets.load_image import read_rgb
from ..drawing import draw, save_picture
from ..encoded_video import EncodedVideo
from .sources import local_file
from .writers.names import Names

_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')
_AHEAD = 8  # records that wait to be drawn, each with a picture


class Drawer:
    """Draws records: pictures as pictures, videos as videos with their sound.

    Args:
        folder (str | Path): Where the folder ``drawn`` goes, which has the names of the inputs.
        root (str, optional): Folder below which the inputs lie; the rest of their paths is kept.
            Defaults to None: the current one.
    """

    def __init__(self, folder: Union[str, Path], root: Optional[str] = None) -> None:
        self.path = Path(folder) / 'drawn'
        self._names = Names(root)
        self._video: Optional[_Video] = None
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque = deque()

    def __enter__(self) -> 'Drawer':
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.close()
            return
        self._thread.shutdown(cancel_futures=True)
        if self._video:
            self._video.discard()

    def add(self,
            record: dict,
            pictures: Sequence[np.ndarray] = (),
            if_missing: bool = False) -> None:
        """Take the next record.

        Args:
            record (dict): The record.
            pictures (Sequence[np.ndarray]): RGB pixels (H, W, 3) of the picture or frame, which
                else is read again. So are the frames of windows, as all of them are drawn.
                Defaults to ().
            if_missing (bool): Draw only what is not there yet. Defaults to False.
        """
        while len(self._waiting) >= _AHEAD:
            self._waiting.popleft().result()
        if 'error' not in record and not (if_missing and self._path(record).exists()):
            self._waiting.append(self._thread.submit(self._draw, record, pictures))

    def close(self) -> None:
        """Complete the files."""
        try:
            while self._waiting:
                self._waiting.popleft().result()
            self._end_video()
        finally:
            self._thread.shutdown()

    def _path(self, record: dict) -> Path:
        name = self._names.input(record)
        is_video = 'window' in record or 'frame' in record
        kept, usual = (('.mp4', ), '.mp4') if is_video else (_SUFFIXES, '.png')
        return self.path / (name if name.lower().endswith(kept) else name + usual)

    def _draw(self, record: dict, pictures: Sequence[np.ndarray]) -> None:
        if self._video and self._video.name != record['input']:
            self._end_video()
        if 'window' not in record and 'frame' not in record:
            return self._save(record, pictures)
        if self._video is None:
            self._video = _Video(record['input'], self._path(record))
        if 'frame' in record:
            self._video.add_frame(record, pictures)
        else:
            self._video.add_window(record)

    def _end_video(self) -> None:
        if self._video:
            self._video.close()
            self._video = None

    def _save(self, record: dict, pictures: Sequence[np.ndarray]) -> None:
        picture = pictures[0] if len(pictures) else _read(record['input'])
        save_picture(draw(picture, record), self._path(record))


def _read(name: str) -> np.ndarray:
    with local_file(name) as path:
        return read_rgb(path)


class _Video:
    """One video, to which records come in order.

    Args:
        name (str): What the records call it.
        path (Path): Where the drawn one goes.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._files = ExitStack()
        source = self._files.enter_context(local_file(name))
        self._is_file = os.path.isfile(source)
        stream = FrameStream(source) if self._is_file else None
        fps = stream.fps if stream and stream.fps else 30
        self._encoded = EncodedVideo(path, fps, source if stream else None)
        self._frames = iter(stream or ())
        self._held: Optional[TimedFrame] = None
        self._window: Optional[dict] = None

    def add_frame(self, record: dict, pictures: Sequence[np.ndarray]) -> None:
        """Draw a frame; without its picture it is read again."""
        if not len(pictures):
            self._check_file()
            number = record['frame']['number']
            pictures = [next(frame.rgb() for frame in self._frames if frame.number == number)]
        self._encoded.write(draw(pictures[0], record), record['frame']['second'])

    def add_window(self, record: dict) -> None:
        """Draw all frames up to the end of the last window, or to the middle of an overlap."""
        self._check_file()
        if self._window:
            end, start = self._window['window']['end'], record['window']['start']
            self._draw_until((start + end) / 2 if start < end else end, self._window)
            self._draw_until(start, {})
        self._window = record

    def _check_file(self) -> None:
        if not self._is_file:
            raise ValueError(f'{self.name}: clips are drawn on the frames of a file, which this is '
                             'not; leave out --draw')

    def close(self) -> None:
        """Draw what is left and complete the file."""
        if self._window:
            self._draw_until(float('inf'), self._window)
        self._encoded.close()
        self._files.close()

    def discard(self) -> None:
        """Leave no file."""
        self._encoded.discard()
        self._files.close()

    def _draw_until(self, second: float, record: dict) -> None:
        while True:
            frame = self._held or next(self._frames, None)
            self._held = frame
            if frame is None or frame.start >= second:
                return
            self._encoded.write(draw(frame.rgb(), record), frame.start)
            self._held = None
