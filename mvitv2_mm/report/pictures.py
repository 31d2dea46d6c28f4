"""Small pictures in the page: samples that are worth a look, within a budget."""
import base64
from io import BytesIO
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional, Sequence, Union

import numpy as np
from mmengine.config import Config
from PIL import Image

from ..datasets import UnreadableClipError, VideoFile
from ..datasets.load_image import read_rgb
from ..drawing import draw, enlarge, strip
from .dump import find_file
from .key_frames import KeyFrames

# what is drawn: a list, or a function that makes one for a height and width of a key frame
Objects = Union[List[dict], Callable[[int, int], List[dict]], None]

MOST = 200
_MOST_BYTES = 3_600_000  # of JPEG, which base64 makes a third larger
_SIDE, _OBJECTS_SIDE, _FRAMES = 160, 320, 6
_MIN_SIDE = 96


class Shown(NamedTuple):
    """A sample in the page.

    Attributes:
        url (str): The picture itself; '' if it cannot be had.
        text (str): What is to be seen.
        name (str): Name of the sample.
        is_right (bool): Whether the prediction is right.
    """
    url: str
    text: str
    name: str
    is_right: bool


class Gallery(NamedTuple):
    """Samples under one heading."""
    title: str
    text: str
    shown: List[Shown]


class Pictures:
    """Makes small pictures of samples until a budget for all of them is used up.

    Args:
        roots (Sequence[Path]): Folders below which the files may lie.
        cfg (Config, optional): Config of a test of actions, with which key frames are read.
            Defaults to None.
    """

    def __init__(self, roots: Sequence[Path], cfg: Optional[Config] = None) -> None:
        self._roots = list(roots)
        self._key_frames = KeyFrames(cfg) if cfg else None
        self.count = self.size = self.refused = self.lacking = 0

    def of(self, sample: dict, objects: Objects = None) -> str:
        """A data URL of a sample, with objects drawn on it; '' if it cannot be had."""
        if self.count >= MOST or self.size >= _MOST_BYTES:
            self.refused += 1
            return ''
        picture = self.array(sample, objects)
        if picture is None:
            self.lacking += 1
            return ''
        buffer = BytesIO()
        Image.fromarray(picture).save(buffer, 'JPEG', quality=80)
        self.count, self.size = self.count + 1, self.size + buffer.tell()
        return f'data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}'

    def array(self, sample: dict, objects: Objects = None) -> Optional[np.ndarray]:
        """The small picture of a sample, RGB (H, W, 3) of uint8; None if it cannot be had."""
        try:
            return self._picture(sample, objects)
        except (OSError, ValueError, UnreadableClipError):
            return None

    def _picture(self, sample: dict, objects: Objects) -> Optional[np.ndarray]:
        if callable(objects):
            return self._key_frame(sample, objects)
        name = sample.get('img_path')
        if name is None:
            return self._strip(sample)
        place = find_file(name, self._roots)
        if place is None:
            return None
        picture = read_rgb(place)
        if objects is None:
            return _small(picture, _SIDE)
        return _small(draw(picture, dict(objects=objects)), _OBJECTS_SIDE)

    def _key_frame(self, sample: dict, judge: Callable) -> Optional[np.ndarray]:
        frame = self._key_frames.read(sample) if self._key_frames else None
        if frame is None:
            return None
        return _small(draw(frame, dict(objects=judge(*frame.shape[:2]))), _OBJECTS_SIDE)

    def _strip(self, sample: dict) -> Optional[np.ndarray]:
        """Frames of a clip."""
        name = next((sample[key] for key in ('filename', 'frame_dir', 'video_id') if key in sample),
                    None)
        place = find_file(str(name), self._roots)
        if place is None:
            return None
        if place.is_dir():
            files = sorted(path for path in place.iterdir() if path.suffix in ('.jpg', '.png'))
            frames = [read_rgb(path) for path in _spread(files)]
        else:
            video = VideoFile(str(place))
            frames = video.read(_spread(range(video.num_frames)))
        return strip([_small(np.asarray(frame), _MIN_SIDE) for frame in frames], _MIN_SIDE)


def _spread(items: Sequence) -> list:
    """Some of many, spread evenly."""
    places = np.linspace(0, len(items) - 1, min(_FRAMES, len(items)))
    return [items[int(i)] for i in places]


def _small(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture not larger than ``side``, and not much smaller than can be seen."""
    picture = enlarge(picture, -(-_MIN_SIDE // max(picture.shape[:2])))
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)
