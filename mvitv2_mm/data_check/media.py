"""Can a clip be read? Runs in worker processes."""
import os
from typing import List, NamedTuple, Optional, Union

from ..datasets import FrameFolder, UnreadableClipError, VideoFile
from ..datasets.file_limits import check_file
from .report import DataProblem


class Video(NamedTuple):
    """A video file, and the last second after its start that is to be read, if any."""
    path: str
    second: Optional[float] = None


class Frames(NamedTuple):
    """A folder of frames, and the number of the first if it is stated."""
    path: str
    num_frames: int
    template: str
    first_number: Optional[int] = None


Item = Union[Video, Frames]


def probe(item: Item, quick: bool = False) -> List[DataProblem]:
    """Problems of one item; empty if all is well.

    Args:
        item (Item): What to read.
        quick (bool): Only look whether the files are there and not empty. Defaults to False:
            decode the first, middle and last frame.
    """
    try:
        if isinstance(item, Frames):
            return _probe_frames(item, quick)
        problems = file_problems(item.path)
        return problems if problems or quick else _probe_video(item)
    except Exception as error:  # whatever a broken file makes a decoder do, it is a problem
        return [DataProblem('unreadable', item.path, f'{type(error).__name__}: {error}')]


def file_problems(path: str) -> List[DataProblem]:
    """Problems of a file that need no look into it."""
    if not os.path.exists(path):
        return [DataProblem('missing', path, 'no such file')]
    try:
        check_file(path)
    except OSError as error:
        return [DataProblem('unreadable', path, str(error))]
    if os.path.getsize(path) == 0:
        return [DataProblem('unreadable', path, 'empty file')]
    return []


def _probe_video(item: Video) -> List[DataProblem]:
    try:
        video = VideoFile(item.path)
        video.read([0, video.num_frames // 2, video.num_frames - 1])
        if item.second is not None:
            video.frame_at(item.second)
    except ValueError as error:
        return [DataProblem('annotation', item.path, str(error).replace(f'{item.path} ', ''))]
    except UnreadableClipError as error:
        return [DataProblem('unreadable', item.path, str(error).replace(f'{item.path}: ', ''))]
    if video.fault:
        return [DataProblem('damaged', item.path, video.fault.replace(f'{item.path}: ', ''))]
    return []


def _probe_frames(item: Frames, quick: bool) -> List[DataProblem]:
    if not os.path.isdir(item.path):
        return [DataProblem('missing', item.path, 'no such folder')]
    try:
        frames = FrameFolder(*item)
    except UnreadableClipError as error:
        return [DataProblem('missing', item.path, str(error).replace(f'{item.path}: ', ''))]
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(item.path)}
    names = [item.template.format(frames.first_number + i) for i in range(item.num_frames)]
    lost = [name for name in names if not sizes.get(name)]
    if lost:
        what = f'{len(lost)} of {len(names)} frames are not there or empty, the first is {lost[0]}'
        return [DataProblem('missing', item.path, what)]
    if not quick:
        try:
            frames.read([0, item.num_frames // 2, item.num_frames - 1])
        except UnreadableClipError as error:
            return [DataProblem('unreadable', item.path, str(error))]
    return []
