"""What happens when in videos: subtitles and tables of segments."""
import csv
from contextlib import ExitStack
from dataclasses import asdict
from typing import List, Optional, TextIO

from ...datasets.video_index import container_start
from ...files import replaced
from ..segments import Segment, SegmentMerger
from .base import Writer


class SegmentsWriter(Writer):
    """A table of the segments of all videos: input, label, name, start, end, score."""
    name = 'segments.csv'
    tasks = ('video', )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        columns = list(Segment.__dataclass_fields__)
        self._table = csv.DictWriter(self._open(self.path), columns, lineterminator='\n')
        self._table.writeheader()
        self._merger = SegmentMerger()

    def add(self, record: dict) -> None:
        self._write(self._merger.add(record))

    def close(self) -> None:
        self._write(self._merger.finish())
        super().close()

    def _write(self, segments: List[Segment]) -> None:
        self._table.writerows(map(asdict, segments))


class SRTWriter(Writer):
    """Subtitles of each video, ``srt/PATH/OF/VIDEO.srt``: the class of every segment.

    Players count time from the start of the container, which is not always at zero of its clock.
    """
    name = 'srt'
    tasks = ('video', )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._merger = SegmentMerger()
        self._video: Optional[str] = None
        self._subtitles: Optional[TextIO] = None
        self._current = ExitStack()

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            self._current.__exit__(*error)
        super().__exit__(*error)

    def add(self, record: dict) -> None:
        self._write(self._merger.add(record))
        if record['input'] != self._video:
            self._current.close()
            self._video = None
        if self._video is None and 'window' in record:
            self._begin(record)

    def close(self) -> None:
        self._write(self._merger.finish())
        self._current.close()
        super().close()

    def _begin(self, record: dict) -> None:
        self._video = record['input']
        path = self.path / f'{self.names.stem(record)}.srt'
        temporary = self._current.enter_context(replaced(path))
        self._subtitles = self._current.enter_context(temporary.open('w', encoding='utf-8'))
        self._origin = container_start(self._video)
        self._count = 0

    def _write(self, segments: List[Segment]) -> None:
        for one in segments:
            self._count += 1
            start, end = (_clock(second - self._origin) for second in (one.start, one.end))
            self._subtitles.write(f'{self._count}\n{start} --> {end}\n{one.name} '
                                  f'({one.score:.2f})\n\n')


def _clock(second: float) -> str:
    milliseconds = max(round(second * 1000), 0)
    minutes, rest = divmod(milliseconds, 60000)
    hours, minutes = divmod(minutes, 60)
    return f'{hours:02d}:{minutes:02d}:{rest // 1000:02d},{rest % 1000:03d}'
