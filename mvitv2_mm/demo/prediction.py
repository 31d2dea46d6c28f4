"""From a file that was dropped on the page to what the page shows of it."""
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from typing import Iterator, List, Optional, Sequence

import cv2
import numpy as np

from ..datasets.readers import UnreadableClipError, VideoFile
from ..files import replaced, to_json
from ..inference.inferencer import Inferencer, default_workers
from ..inference.reading import Reader
from ..inference.sources import VIDEO_TASKS, Source
from ..inference.stream import Stream
from .jobs import Job
from .limits import Limits
from .timeline import timeline

RECORDS = 'predictions.jsonl'
_SIDE = 800  # pixels of the longer side of a picture that is shown
_CLIP_PICTURES = 8


@dataclass(frozen=True)
class Upload:
    """A file that was dropped on the page, and how it is to be predicted.

    Attributes:
        name (str): Its name on the user's side, without folders.
        path (Path): Where it is.
        parts (bool): Of a model for clips, predict the video in parts that touch, instead of once.
        every (int): Of a model for pictures, predict each ``every``-th frame of a video.
    """
    name: str
    path: Path
    parts: bool = False
    every: int = 1

    @property
    def source(self) -> Source:
        """The file as an input."""
        return Source(self.name, str(self.path))

    def reader(self, infer: Inferencer) -> Reader:
        """What turns the file into items for a model; keeps the pictures."""
        return Reader(infer.predictor, True, 0. if self.parts else None, self.every, infer.people)

    def options(self, task: str, is_video: bool) -> List[str]:
        """What the command line is told to make the same records."""
        if task not in VIDEO_TASKS:
            return ['--every', str(self.every)] if is_video and self.every > 1 else []
        return ['--stride', '0'] if self.parts else []

    def without_path(self, text: str) -> str:
        """A message in which the file is called as the user calls it."""
        return text.replace(str(self.path), self.name).removeprefix(f'{self.name}: ')


class Pictures:
    """Pictures of what was predicted, small enough for a page.

    Args:
        folder (Path): Where they are written, as ``NUMBER.jpg``.

    Attributes:
        shown (list[dict]): 'record', the number of the record that a picture belongs to, and of a
            video its 'second'.
    """

    def __init__(self, folder: Path) -> None:
        self.shown: List[dict] = []
        self._folder = folder

    def add(self, record: int, picture: np.ndarray, second: Optional[float] = None) -> None:
        """Write an RGB picture (H, W, 3) of uint8."""
        height, width = picture.shape[:2]
        factor = _SIDE / max(height, width)
        if factor < 1:
            size = max(1, round(width * factor)), max(1, round(height * factor))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        path = self._folder / f'{len(self.shown)}.jpg'
        bgr = np.ascontiguousarray(picture[..., ::-1])
        path.write_bytes(cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
        self.shown.append(dict(record=record, second=second))

    def add_clips(self, clip: VideoFile, records: Sequence[dict]) -> None:
        """Write some of the frames that the records of a video rest on."""
        share = max(1, _CLIP_PICTURES // len(records))
        for number, record in enumerate(records):
            frames = record.get('window', {}).get('frames', [])
            middle = (np.arange(share) + 0.5) * len(frames) / share
            chosen = sorted({frames[int(place)] for place in middle}) if frames else []
            try:
                pictures = clip.read(chosen) if chosen else []
            except UnreadableClipError:  # of which the record tells
                continue
            for frame, picture in zip(chosen, pictures):
                self.add(number, picture, float(clip.times[frame]))


def predict_upload(infer: Inferencer, upload: Upload, limits: Limits, command: Sequence[str],
                   job: Job) -> dict:
    """Predict a file; writes its records and pictures into the folder of the job.

    Args:
        infer (Inferencer): The model.
        upload (Upload): The file.
        limits (Limits): What is taken.
        command (Sequence[str]): How the command line predicts: 'predict', the model, its options.
        job (Job): Is told the progress, and tells whether to go on.

    Returns:
        dict: 'input', 'command', 'records', 'pictures' and, of a video, 'timeline', 'start' and
        'end'.

    Raises:
        Cancelled: If nobody wants the result any more.
        ValueError: If the file is not taken.
    """
    try:
        clip = limits.check(str(upload.path), infer.predictor.task, upload.every)
    except Exception as error:
        raise ValueError(f'{upload.name}: {upload.without_path(str(error))}') from error
    records: List[dict] = []
    pictures = Pictures(job.folder)
    for record, picture in _predict(infer, upload):
        job.check()
        if picture is not None:
            pictures.add(len(records), picture, record.get('frame', {}).get('second'))
        records.append(record)
        job.progress = _progress(record, clip)
    options = upload.options(infer.predictor.task, clip is not None)
    result = dict(
        input=upload.name,
        command=join(['python', '-m', 'mvitv2_mm', *command, upload.name, *options, '--json']),
        records=records,
        pictures=pictures.shown)
    if clip is not None:
        if infer.predictor.task == 'video':
            pictures.add_clips(clip, records)
        end = float(clip.times[-1]) + 1 / (clip.fps or 30)
        result.update(timeline=timeline(records, end), start=float(clip.times[0]), end=end)
    with replaced(job.folder / RECORDS) as temporary:
        temporary.write_text(''.join(f'{to_json(record)}\n' for record in records))
    return result


def _predict(infer: Inferencer, upload: Upload) -> Iterator[tuple]:
    """Yield the records, made as the command makes them, and their pictures."""
    stream = Stream(infer.predictor, upload.reader(infer), infer.batch_size, default_workers())
    with closing(stream([upload.source])) as found:
        for _, prepared, record in found:
            if 'error' in record:
                record['error'] = upload.without_path(record['error'])
            yield record, next(iter(prepared.pictures), None)


def _progress(record: dict, clip: Optional[VideoFile]) -> Optional[float]:
    """Share of a video that comes before the end of what a record is about."""
    place = record.get('frame', {}).get('second', record.get('window', {}).get('end'))
    if clip is None or place is None:
        return None
    seconds = clip.times[-1] - clip.times[0]
    return float(min(max((place - clip.times[0]) / seconds, 0), 1)) if seconds else None
