"""What the user names, turned into pictures and clips: files, folders, URLs, arrays, cameras."""
import glob
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Union
from urllib.error import URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from ..datasets.class_folders import IMAGE_SUFFIXES, walk
from ..datasets.file_limits import check_file
from ..datasets.frame_stream import TimedFrame
from ..datasets.readers import VIDEO_SUFFIXES, VideoFile
from ..datasets.storage import backend
from ..extras import require
from .camera import Camera, is_live

PICTURE, VIDEO, ANIMATION = 'picture', 'video', 'animation'
VIDEO_TASKS = ('video', 'action_detection')
_FPS = 30


@dataclass(frozen=True)
class Source:
    """One input.

    Attributes:
        name (str): What records call it.
        media (str | int | np.ndarray, optional): A path, a URL, the number of a camera, or RGB
            pixels (H, W, 3) or (T, H, W, 3) of uint8. None if there is an error.
        error (str, optional): Why it cannot be predicted, in one line.
    """
    name: str
    media: Union[str, int, np.ndarray, None] = None
    error: Optional[str] = None


class ArrayClip:
    """A clip in memory, read as :class:`mvitv2_mm.datasets.VideoFile` is.

    Where its frame rate matters, which nobody knows, it is 30.

    Args:
        frames (np.ndarray): RGB pixels (T, H, W, 3) of uint8.
    """
    fault = fps = None

    def __init__(self, frames: np.ndarray) -> None:
        self.frames = frames
        self.num_frames = len(frames)

    def read(self, indices: Sequence[int]) -> List[np.ndarray]:
        """Frames at ``indices`` as RGB arrays (H, W, 3)."""
        return [np.asarray(self.frames[int(i)]) for i in indices]

    def frame_at(self, second: float) -> int:
        """Number of the frame that is shown a time after the first one.

        Raises:
            ValueError: If the clip is shorter.
        """
        number = int(second * _FPS + 1e-3)
        if not 0 <= number < self.num_frames:
            raise ValueError(f'its {self.num_frames} frames show nothing at {second:g} s')
        return number

    def __iter__(self) -> Iterator[TimedFrame]:
        for number, picture in enumerate(self.frames):
            yield TimedFrame(
                number,
                number / _FPS, (number + 1) / _FPS,
                lambda picture=picture: np.asarray(picture))


def is_single(inputs: Any) -> bool:
    """Whether inputs are one picture or clip, and no list, folder or pattern of several."""
    if isinstance(inputs, (str, os.PathLike)):
        text = os.fspath(inputs)
        return text != '-' and not os.path.isdir(text) and (os.path.isfile(text)
                                                            or not glob.has_magic(text)
                                                            or '://' in text)
    return isinstance(inputs, (int, np.ndarray, Image.Image, Source))


def find_sources(inputs: Iterable[Any], task: str) -> Iterator[Source]:
    """The pictures and clips that inputs name, in a fixed order, without opening any.

    Args:
        inputs (Iterable): Paths, folders, patterns, URLs, arrays, pictures of Pillow, numbers of
            cameras, and '-' for paths on the standard input.
        task (str): Of a folder, 'video' and 'action_detection' take the videos, other tasks the
            pictures and the videos.

    Yields:
        Source: One input. What names nothing is a source with an error.
    """
    for number, item in enumerate(inputs):
        if isinstance(item, Source):
            yield item
        elif isinstance(item, Image.Image):
            yield Source(f'array {number}', np.asarray(item.convert('RGB')))
        elif isinstance(item, np.ndarray):
            yield Source(f'array {number}', item)
        elif isinstance(item, int):
            yield Source(str(item), item)
        elif os.fspath(item) == '-':
            for line in filter(None, map(str.strip, sys.stdin)):
                yield from _find(line, task)
        else:
            yield from _find(os.fspath(item), task)


def _find(text: str, task: str) -> Iterator[Source]:
    if os.path.isdir(text):
        yield from _walk(text, task)
    elif '://' in text or os.path.exists(text):
        yield Source(text, text)
    elif text.isdecimal():
        yield Source(text, int(text))
    elif glob.has_magic(text):
        paths = sorted(path for path in glob.iglob(text, recursive=True) if os.path.isfile(path))
        yield from (Source(path, path) for path in paths)
        if not paths:
            yield Source(text, error='no file is called like this')
    else:
        yield Source(text, error='there is no such file')


def _walk(folder: str, task: str) -> Iterator[Source]:
    suffixes = (*VIDEO_SUFFIXES, '.npy')
    if task not in VIDEO_TASKS:
        suffixes = (*IMAGE_SUFFIXES, *suffixes)
    found = False
    for place, files in walk(folder):
        for name in files:
            if name.lower().endswith(suffixes):
                found = True
                yield _in_folder(os.path.join(place, name))
    if not found:
        kind = 'video' if task in VIDEO_TASKS else 'picture or video'
        yield Source(folder, error=f'the folder holds no {kind}')


def _in_folder(path: str) -> Source:
    """A file; a pipe or a device is a stream only for who names it."""
    try:
        check_file(path)
    except OSError as error:
        return Source(path, error=str(error))
    return Source(path, path)


@contextmanager
def local_file(path: str) -> Iterator[str]:
    """A path on this machine; what a URL names is there for as long as the context.

    Raises:
        OSError: If it cannot be downloaded.
        ValueError: If it is a URL that nothing reads.
        ImportError: If a library that reads it is not installed.
    """
    if '://' not in path:
        yield path
        return
    if urlparse(path).scheme not in ('http', 'https'):
        with backend(path).get_local_path(path) as copy:
            yield copy
        return
    with tempfile.TemporaryDirectory(prefix='mvitv2_mm_') as folder:
        name = PurePosixPath(urlparse(path).path).name or 'download'
        target = os.path.join(folder, name)
        try:
            request = Request(path, headers={'User-Agent': 'mvitv2_mm'})
            with urlopen(request, timeout=30) as reply, open(target, 'wb') as file:
                for block in iter(lambda: reply.read(2**20), b''):
                    file.write(block)
        except (URLError, OSError) as error:
            raise OSError(f'cannot be downloaded ({error})') from None
        yield target


def kind_of(path: str) -> str:
    """Whether a file is a picture, a video or, for instance as a GIF, both: by what is in it.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is neither.
        ImportError: If it is no picture, and PyAV is not installed.
    """
    if os.path.getsize(path) == 0:
        raise ValueError('the file is empty')
    try:
        with Image.open(path) as image:
            if image.format in ('GIF', 'PNG', 'WEBP') and getattr(image, 'is_animated', False):
                return ANIMATION
            if image.format != 'MPEG':  # which Pillow knows by name alone
                return PICTURE
    except UnidentifiedImageError:
        if _is_text(path) and cv2.haveImageReader(path):  # which crashes on other names
            return PICTURE
    except Image.DecompressionBombError:  # the step that loads it says whether that is too large
        return PICTURE
    av = require('av', 'reading videos')
    try:
        with av.open(path, metadata_errors='ignore') as container:
            # ffmpeg takes any text for a picture made of characters, and goes by suffixes
            name = container.format.name
            if container.streams.video and name not in ('tty', 'image2') and '_pipe' not in name:
                return VIDEO
    except av.FFmpegError:
        pass
    raise ValueError('is neither a picture nor a video that can be read')


def _is_text(name: str) -> bool:
    """Whether the name of a file is text in UTF-8."""
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def as_media(array: np.ndarray) -> Union[np.ndarray, ArrayClip]:
    """A picture (H, W, 3), or a clip, of an array of pixels.

    Raises:
        ValueError: If it is neither.
    """
    if array.ndim == 2:
        array = np.stack([array] * 3, axis=-1)
    if array.dtype != np.uint8 or array.ndim not in (3,
                                                     4) or array.shape[-1] != 3 or not array.size:
        raise ValueError('expected RGB pixels (H, W, 3), or (T, H, W, 3) for a clip, of uint8, but '
                         f'got {array.dtype} of shape {array.shape}')
    return array if array.ndim == 3 else ArrayClip(array)


@contextmanager
def opened(source: Source,
           read_video: Callable[[str], Any] = VideoFile) -> Iterator[Union[str, np.ndarray, Any]]:
    """What a source holds: the path of a picture, pixels, or a reader of a clip.

    Args:
        source (Source): The source.
        read_video (Callable): Opens the file of a video. Defaults to :class:`VideoFile`.

    Yields:
        str | np.ndarray | ArrayClip | Camera | Any: A path is that of a picture, or of an
        animation; of a video it is what ``read_video`` returns.

    Raises:
        OSError, ValueError, UnreadableClipError: If the source cannot be read.
    """
    if source.error:
        raise ValueError(source.error)
    if isinstance(source.media, np.ndarray):
        yield as_media(source.media)
    elif is_live(source.media):
        yield Camera(source.media)
    else:
        with local_file(source.media) as path:
            check_file(path)
            if path.lower().endswith('.npy'):
                yield as_media(np.load(path, mmap_mode='r', allow_pickle=False))
            else:
                yield read_video(path) if kind_of(path) == VIDEO else path
