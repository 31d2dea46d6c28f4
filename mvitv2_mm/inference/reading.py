"""From a source to what the network takes: one item of a picture or clip, many of a long video."""
from typing import Iterator

from ..datasets.readers import UnreadableClipError, VideoFile
from .predictor import Predictor, Prepared
from .sources import VIDEO_TASKS, ArrayClip, Source, opened


class Reader:
    """Reads sources, in any thread.

    Args:
        predictor (Predictor): Prepares what is read.
        keep_pictures (bool): Keep pictures as they were read, for drawing. Defaults to False.
    """

    def __init__(self, predictor: Predictor, keep_pictures: bool = False) -> None:
        self.predictor = predictor
        self.keep_pictures = keep_pictures

    def __call__(self, source: Source) -> Iterator[Prepared]:
        """Yield the items of a source; where it cannot be read, one with an error ends them."""
        try:
            yield from self._read(source)
        except Exception as error:  # whatever is wrong with one file, the others are predicted
            yield Prepared(source.name, error=one_line(error, source.name))

    def _read(self, source: Source) -> Iterator[Prepared]:
        with opened(source) as media:
            is_clip = isinstance(media, (VideoFile, ArrayClip))
            if self.predictor.task in VIDEO_TASKS:
                if not is_clip:
                    media = as_clip(media, self.predictor.opened.name)
            elif is_clip:
                raise ValueError(f'is a video, but {self.predictor.opened.name} takes pictures')
            yield self.predictor.prepare(media, source.name, keep_pictures=self.keep_pictures)


def as_clip(media: object, model: str) -> VideoFile:
    """An animation as a clip.

    Raises:
        ValueError: If it is a single picture.
    """
    if isinstance(media, str):
        try:
            clip = VideoFile(media)
        except UnreadableClipError:
            clip = None
        if clip is not None and clip.num_frames > 1:
            return clip
    raise ValueError(f'is a picture, but {model} takes videos')


def one_line(error: Exception, source: str) -> str:
    """An error in one line, without the name of the file that it starts with."""
    text = ' '.join(str(error).split()).removeprefix(f'{source}: ')
    is_plain = isinstance(error, (OSError, ValueError, UnreadableClipError))
    return text if is_plain and text else f'{type(error).__name__}: {text}'
