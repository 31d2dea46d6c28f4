"""Frame-exact readers of clips: video files, folders of frames, and a blank stand-in.

PyAV is the one decoder. On the same file its frames equal those of decord and OpenCV, it costs the
same CPU time as decord when it seeks to the nearest key frame as here, it opens damaged files
without taking the process down (decord 0.6 can crash on a cut AVI), and it still gets releases.
"""
import os
import os.path as osp
import re
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple, TypeVar

import cv2
import numpy as np
from PIL import UnidentifiedImageError

from .class_folders import is_hidden
from .file_limits import check_file, open_picture
from .storage import exists, is_file, read, shown
from .to_rgb import ToRGB
from .unreadable import UnreadableError
from .video_index import (Fetched, Source, VideoIndex, decode, decode_all, index_fetched,
                          index_video, open_video, tells_what_is_needed)

try:
    import av
except ImportError:
    av = None

T = TypeVar('T')

# files of class folders that are taken for clips
VIDEO_SUFFIXES = ('.3g2', '.3gp', '.asf', '.avi', '.divx', '.dv', '.f4v', '.flv', '.gif', '.m1v',
                  '.m2ts', '.m2v', '.m4v', '.mjpeg', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg',
                  '.mts', '.mxf', '.nut', '.ogm', '.ogv', '.qt', '.rm', '.rmvb', '.ts', '.vob',
                  '.webm', '.wmv', '.y4m')


class UnreadableClipError(UnreadableError):
    """No frame of a clip can be had; the message names the path and the reason."""


def scan_file(path: str, scan: Callable[[str, int, int], T]) -> T:
    """What a function finds out about a video file, as it was written last.

    Args:
        path (str): The file.
        scan (Callable): Such as :func:`index_video`, with the same arguments.

    Raises:
        ImportError: If PyAV is not installed.
        UnreadableClipError: If the file cannot be opened, or is no video.
    """
    with _explained(path):
        state = os.stat(path)
        return scan(path, state.st_mtime_ns, state.st_size)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    if av is None:
        raise ImportError('reading videos needs PyAV: pip install av')
    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> UnreadableClipError:
    reason = str(getattr(error, 'strerror', None) or error)
    return UnreadableClipError(reason if path in reason else f'{path}: {reason}')


class VideoFile:
    """Random access to the frames of a video file, which are those that a person sees.

    Frame n is frame n of decoding the file from start to end, turned as the file says. Frames that
    the file hides (in a clip cut without re-encoding, those before the cut) and attached pictures
    are none.

    What a damaged file is worth is decided here alone: if any wanted frame can be had it is used,
    and ``fault`` is a note; otherwise it is bad, which an :class:`UnreadableClipError` says.

    Args:
        path (str): Path or URL of the file.
        backend_args (dict, optional): See :func:`mvitv2_mm.datasets.storage.read`. A file that is
            elsewhere is fetched whole, once. Defaults to None.

    Attributes:
        num_frames (int): Frames present in the file, whatever its header promises.
        times (np.ndarray): Seconds of the clock of the file at which the frames appear.
        fps (float, optional): Average frame rate, None if the file does not say.
        fault (str, optional): What is wrong with a file that can still be used, else None.

    Raises:
        ImportError: If PyAV is not installed.
        UnreadableClipError: If the file cannot be opened or holds no frame.
    """

    def __init__(self, path: str, backend_args: Optional[dict] = None) -> None:
        self.path = shown(path)
        self._source, self._index = _open(path, backend_args)
        self.times = self._index.times
        self.num_frames = len(self.times)
        self.fps = self._index.scan.fps
        self.fault: Optional[str] = None
        if self._index.scan.num_missing:
            promised = self.num_frames + self._index.scan.num_missing
            self.fault = f'{path}: only {self.num_frames} of {promised} frames are in the file'

    def frame_at(self, second: float) -> int:
        """Number of the frame that is shown ``second`` seconds after the first one appears.

        Raises:
            ValueError: If the video is shorter.
        """
        times = self.times - self.times[0]
        end = times[-1] + (1 / self.fps if self.fps else 0)
        if not 0 <= second < end:
            raise ValueError(f'{self.path} lasts {end:.2f} s and shows nothing {second:g} s after '
                             'its start; set "first_second" of the dataset to the second that '
                             'annotations give to the start, or remove the annotation')
        # containers round times to milliseconds
        return int(np.searchsorted(times, second + 1e-3, side='right')) - 1

    def read(self, indices: Sequence[int]) -> List[np.ndarray]:
        """Frames at ``indices`` as RGB arrays (H, W, 3) of uint8, in the order asked for.

        A frame that does not decode is replaced by the last one before it that does, and
        ``fault`` says so.

        Raises:
            UnreadableClipError: If none of the frames decodes.
        """
        wanted = sorted(set(int(i) for i in indices))
        to_rgb = ToRGB()
        frames: Dict[int, np.ndarray] = {}
        for decoded in (self._decode_groups, self._decode_from_start):
            if len(frames) < len(wanted):
                frames.update((number, to_rgb(frame)) for number, frame in decoded(wanted)
                              if number not in frames)
        return self._fill_holes(frames, wanted, indices)

    def _decode_groups(self, wanted: List[int]) -> Iterator[Tuple[int, 'av.VideoFrame']]:
        """Yield (number, frame), decoding only what the wanted frames need."""
        table = self._index.scan.table
        if table is None:
            return
        with open_video(self._source) as (container, stream):
            context, may_skip = stream.codec_context, tells_what_is_needed(stream)
            for start, numbers in table.groups(wanted).items():
                number_of = {int(table.stamps[n]): n for n in numbers}
                for packet in table.packets(start, numbers, container, stream):
                    is_needed = not may_skip or packet is None or packet.pts in number_of
                    context.skip_frame = 'DEFAULT' if is_needed else 'NONREF'
                    for frame in decode(stream, packet):
                        if frame.pts in number_of:
                            yield number_of[frame.pts], frame

    def _decode_from_start(self, wanted: List[int]) -> Iterator[Tuple[int, 'av.VideoFrame']]:
        """Yield (number, frame), decoding all up to the last wanted frame."""
        table = self._index.scan.table
        for count, frame in enumerate(decode_all(self._source)):
            number = table.number(frame.pts) if table else count
            if number in wanted:
                yield number, frame
            if number == wanted[-1]:
                return

    def _fill_holes(self, frames: Dict[int, np.ndarray], wanted: List[int],
                    indices: Sequence[int]) -> List[np.ndarray]:
        if not frames:
            raise UnreadableClipError(f'{self.path}: none of the {len(wanted)} sampled frames '
                                      'decodes')
        if len(frames) < len(wanted):
            self.fault = (f'{self.path}: {len(wanted) - len(frames)} of {len(wanted)} sampled '
                          'frames do not decode')
        last = frames[min(frames)]
        for number in wanted:
            last = frames.setdefault(number, last)
        return [frames[int(i)] for i in indices]


def _open(path: str, backend_args: Optional[dict]) -> Tuple[Source, VideoIndex]:
    if is_file(path, backend_args):
        return path, scan_file(path, index_video)
    with _explained(shown(path)):
        video = Fetched(shown(path), read(path, backend_args))
        return video, index_fetched(video)


def find_videos(folder: str) -> Dict[str, str]:
    """Paths of the video files in a folder by their names, with and without the suffix.

    Raises:
        ValueError: If names differ in the suffix only.
    """
    found: Dict[str, str] = {}
    for name in sorted(os.listdir(folder)):
        stem, suffix = osp.splitext(name)
        if suffix.lower() in VIDEO_SUFFIXES and not is_hidden(name):
            if stem in found:
                raise ValueError(f'{found[stem]} and {name} have the same name; remove one of them')
            found[stem] = found[name] = osp.join(folder, name)
    return found


class FrameFolder:
    """Random access to a clip stored as numbered pictures.

    Args:
        path (str): The folder.
        num_frames (int, optional): Number of frames, None for as many as there are.
        filename_tmpl (str): Template of the file names, such as ``'img_{:05}.jpg'``.
        first_number (int, optional): Number of the first frame. Defaults to None: the lowest number
            in the folder; in one that is elsewhere 0 or 1.
        backend_args (dict, optional): See :func:`mvitv2_mm.datasets.storage.read`. Defaults to
            None.

    Raises:
        UnreadableClipError: If there are no frames.
        ValueError: If the template has no place for the number.
    """
    fps = None
    fault = None

    def __init__(self,
                 path: str,
                 num_frames: Optional[int],
                 filename_tmpl: str,
                 first_number: Optional[int] = None,
                 backend_args: Optional[dict] = None) -> None:
        if num_frames is not None and num_frames < 1:
            raise UnreadableClipError(f'{path}: the annotation says {num_frames} frames')
        self.path = path
        self.filename_tmpl = filename_tmpl
        self.backend_args = backend_args
        self.first_number = self._find_start(num_frames) if first_number is None else first_number
        self.num_frames = num_frames
        if num_frames is None:
            self.num_frames = max(frame_numbers(path, filename_tmpl)) - self.first_number + 1

    def _find_start(self, num_frames: Optional[int]) -> int:
        """The usual numbers without listing the folder, which may be long and far away."""
        try:
            zero, one = (exists(self._name(number), self.backend_args) for number in (0, 1))
        except OSError as error:
            raise _unreadable(shown(self.path), error) from error
        if zero or one or not is_file(self.path, self.backend_args):
            return 0 if zero else 1
        numbers = frame_numbers(self.path, self.filename_tmpl)
        # else the first frame is lost
        is_whole = num_frames is None or numbers[0] + num_frames - 1 <= numbers[-1]
        return numbers[0] if is_whole else 1

    def _name(self, number: int) -> str:
        return osp.join(self.path, self.filename_tmpl.format(number))

    def read(self, indices: Sequence[int]) -> List[np.ndarray]:
        """Frames at ``indices`` (from 0) as RGB arrays (H, W, 3) of uint8."""
        frames = {}
        for index in set(int(i) for i in indices):
            path = self._name(self.first_number + index)
            image = self._decode(path)
            if image is None:
                state = 'not a picture' if exists(path, self.backend_args) else 'missing'
                raise UnreadableClipError(f'{shown(path)}: frame {index + 1} of {self.num_frames} '
                                          f'is {state}')
            frames[index] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return [frames[int(i)] for i in indices]

    def _decode(self, path: str) -> Optional[np.ndarray]:
        """BGR pixels, None if there are none."""
        try:
            check_file(path)
            content = read(path, self.backend_args)
            with suppress(UnidentifiedImageError), open_picture(BytesIO(content)):
                pass
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _unreadable(shown(path), error) from error
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None


def frame_numbers(path: str, filename_tmpl: str) -> List[int]:
    """Sorted numbers of the frames in a folder.

    Raises:
        UnreadableClipError: If there are none.
        ValueError: If the template has no place for the number.
    """
    pattern = frame_pattern(filename_tmpl)
    try:
        numbers = sorted(int(m[1]) for m in map(pattern.fullmatch, os.listdir(path)) if m)
    except OSError as error:
        raise UnreadableClipError(f'{path}: {error.strerror}') from error
    if not numbers:
        raise UnreadableClipError(f'{path}: no file is called like {filename_tmpl}; set '
                                  '"filename_tmpl" of the dataset')
    return numbers


def frame_pattern(filename_tmpl: str) -> 're.Pattern':
    """Pattern of file names with the number in its group.

    Raises:
        ValueError: If the template has no place for the number.
    """
    parts = re.split(r'\{[^{}]*\}', filename_tmpl)
    if len(parts) != 2:
        raise ValueError(f'"filename_tmpl" should hold one place for the number of a frame, as '
                         f'"img_{{:05}}.jpg" does, but got "{filename_tmpl}"')
    return re.compile(r'(\d+)'.join(map(re.escape, parts)))


class BlankClip:
    """Grey frames that stand in for an unreadable clip at test time."""
    num_frames = 1
    fps = None
    fault = None

    def frame_at(self, second: float) -> int:
        return 0

    def read(self, indices: Sequence[int]) -> List[np.ndarray]:
        return [np.full((256, 256, 3), 128, dtype=np.uint8) for _ in indices]
