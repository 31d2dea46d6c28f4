"""Can a picture or clip be read? Runs in worker processes, so results are plain tuples."""
import os
import warnings
from typing import List, NamedTuple, Optional, Tuple, Union

from PIL import Image as PILImage

from ..datasets import FrameFolder, UnreadableClipError, VideoFile

Finding = Tuple[str, str, str]  # kind, path, what


class Image(NamedTuple):
    """A picture and its size (height, width) in pixels where the annotation states it."""
    path: str
    size: Optional[Tuple[int, int]] = None


class Video(NamedTuple):
    """A video file."""
    path: str


class Frames(NamedTuple):
    """A folder of frames, numbered from 1."""
    path: str
    num_frames: int
    template: str


Item = Union[Image, Video, Frames]


def probe(item: Item, quick: bool = False) -> List[Finding]:
    """Findings about one item; empty if all is well.

    Args:
        item (Item): What to read.
        quick (bool): Only look whether the files are there and not empty. Defaults to False:
            decode pictures whole, of clips the first, middle and last frame.
    """
    try:
        if isinstance(item, Frames):
            return _probe_frames(item, quick)
        if not os.path.exists(item.path):
            return [('missing', item.path, 'no such file')]
        if os.path.getsize(item.path) == 0:
            return [('unreadable', item.path, 'empty file')]
        if quick:
            return []
        return _probe_image(item) if isinstance(item, Image) else _probe_video(item)
    except Exception as error:  # whatever a broken file makes a decoder do, it is a finding
        return [('unreadable', item.path, f'{type(error).__name__}: {error}')]


def _probe_image(item: Image) -> List[Finding]:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # about odd metadata and large pictures
        with PILImage.open(item.path) as image:
            image.load()
            size = image.size[::-1]
    if item.size is not None and size != tuple(item.size):
        return [('annotation', item.path,
                 f'is {size[0]} x {size[1]} pixels (height x width), annotated as '
                 f'{item.size[0]} x {item.size[1]}')]
    return []


def _probe_video(item: Video) -> List[Finding]:
    try:
        video = VideoFile(item.path)
        video.read([0, video.num_frames // 2, video.num_frames - 1])
    except UnreadableClipError as error:
        return [('unreadable', item.path, str(error).replace(f'{item.path}: ', ''))]
    if video.fault:
        return [('damaged', item.path, video.fault.replace(f'{item.path}: ', ''))]
    return []


def _probe_frames(item: Frames, quick: bool) -> List[Finding]:
    if not os.path.isdir(item.path):
        return [('missing', item.path, 'no such folder')]
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(item.path)}
    names = [item.template.format(number + 1) for number in range(item.num_frames)]
    lost = [name for name in names if not sizes.get(name)]
    if lost:
        return [('missing', item.path,
                 f'{len(lost)} of {len(names)} frames are not there or empty, the first is '
                 f'{lost[0]}')]
    if not quick:
        try:
            frames = FrameFolder(item.path, item.num_frames, item.template)
            frames.read([0, item.num_frames // 2, item.num_frames - 1])
        except UnreadableClipError as error:
            return [('unreadable', item.path, str(error))]
    return []
