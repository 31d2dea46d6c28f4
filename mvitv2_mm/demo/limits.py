"""What the page takes: known before anything is decoded."""
from dataclasses import dataclass
from typing import Optional

from PIL import Image, UnidentifiedImageError

from ..datasets.readers import VideoFile
from ..datasets.video_index import open_video
from ..inference.sources import PICTURE, VIDEO_TASKS, kind_of

# what Pillow decodes by itself; others, such as EPS, start programs
_PICTURES = ('AVIF', 'BMP', 'GIF', 'JPEG', 'JPEG2000', 'MPO', 'PNG', 'PPM', 'TIFF', 'WEBP')
# what ffmpeg takes for a list of other files or addresses, which it would open
_LISTS = (b'#extm3u', b'ffconcat', b'<mpd', b'c=in ip')
_COMMAND = 'python -m mvitv2_mm predict has no such limit'


@dataclass(frozen=True)
class Limits:
    """Largest files, and what may come out of them.

    Attributes:
        megabytes (int): Size of a file.
        picture (int): Megapixels of a picture.
        frame (int): Megapixels of a frame of a video.
        seconds (int): Length of a video.
        predictions (int): Frames of a video that a model for pictures predicts.
    """
    megabytes: int = 200
    picture: int = 50
    frame: int = 10
    seconds: int = 180
    predictions: int = 1000

    def check(self, path: str, task: str, every: int = 1) -> Optional[VideoFile]:
        """Raise ValueError if a file is no picture or video, or larger than the limits.

        Args:
            path (str): The file.
            task (str): What the model does.
            every (int): A model for pictures predicts each ``every``-th frame. Defaults to 1.

        Returns:
            VideoFile | None: The video, None for a picture.

        Raises:
            OSError, ValueError, UnreadableClipError: If the file is not taken; says why.
        """
        with open(path, 'rb') as file:
            head = file.read(4096).lower()
        if any(mark in head for mark in _LISTS):
            raise ValueError('is a list of files; the page takes pictures and videos')
        kind = kind_of(path)
        if kind == PICTURE or kind != 'video' and task not in VIDEO_TASKS:
            return self._check_picture(path)
        return self._check_video(path, every if task not in VIDEO_TASKS else None)

    def _check_picture(self, path: str) -> None:
        try:
            with Image.open(path) as picture:
                kind, (width, height) = picture.format, picture.size
        except UnidentifiedImageError:
            kind = None
        except Image.DecompressionBombError:
            raise ValueError(f'is a picture of more than {self.picture} megapixels; '
                             f'{_COMMAND}') from None
        if kind not in _PICTURES:
            raise ValueError('is of a kind that the page does not take; it takes '
                             f'{", ".join(_PICTURES)} and videos')
        _check_pixels(width, height, self.picture, 'a picture')

    def _check_video(self, path: str, every: Optional[int]) -> VideoFile:
        with open_video(path) as (_, stream):
            context = stream.codec_context
            _check_pixels(context.width, context.height, self.frame, 'a video')
        clip = VideoFile(path)
        seconds = float(clip.times[-1] - clip.times[0])
        if seconds > self.seconds:
            raise ValueError(f'lasts {seconds:.0f} s; the page takes {self.seconds} s; {_COMMAND}')
        predictions = -(-clip.num_frames // every) if every else 0
        if predictions > self.predictions:
            least = -(-clip.num_frames // self.predictions)
            raise ValueError(
                f'{predictions} frames are to be predicted; the page takes '
                f'{self.predictions}, one of every {least} frames for instance; {_COMMAND}')
        return clip


def _check_pixels(width: int, height: int, limit: int, what: str) -> None:
    if width * height > limit * 10**6:
        raise ValueError(f'is {what} of {width} x {height} pixels; the page takes {limit} '
                         f'megapixels; {_COMMAND}')
