from dataclasses import dataclass
from typing import List, Optional


@dataclass
class Segment:
    """A span of a video that one class describes best.

    Attributes:
        input (str): The video.
        label (int): Number of the class.
        name (str): Name of the class.
        start (float): Where it starts, in seconds of the container's clock.
        end (float): Where it ends.
        score (float): Mean of the scores of its windows.
    """
    input: str
    label: int
    name: str
    start: float
    end: float
    score: float


class SegmentMerger:
    """Merges neighbouring windows with the same best class into segments.

    Where windows of two classes overlap, one segment ends and the next starts in the middle of the
    overlap. Windows that do not touch are not merged.
    """

    def __init__(self) -> None:
        self._segment: Optional[Segment] = None
        self._num_windows = 0

    def add(self, record: dict) -> List[Segment]:
        """Take the next record.

        Returns:
            List[Segment]: What is complete; one or none.
        """
        if not record.get('classes') or 'window' not in record:
            return self.finish()
        best, window, last = record['classes'][0], record['window'], self._segment
        start = window['start']
        if last and last.input == record['input'] and start <= last.end:
            if last.label == best['label']:
                self._num_windows += 1
                last.end = window['end']
                last.score += (best['score'] - last.score) / self._num_windows
                return []
            last.end = start = (last.end + start) / 2
        done = self.finish()
        self._segment = Segment(record['input'], best['label'], best['name'], start, window['end'],
                                best['score'])
        self._num_windows = 1
        return done

    def finish(self) -> List[Segment]:
        """The last segment, if there is one."""
        done, self._segment = [self._segment] if self._segment else [], None
        return done
