"""When each class is seen in a video."""
from dataclasses import asdict
from typing import Dict, List, Sequence

from ..inference.records import OBJECT_THRESHOLD
from ..inference.segments import Segment, SegmentMerger

_NUM_ROWS = 12
# how long the boxes of people are shown without new ones; key frames of AVA are a second apart
_KEY_FRAME = 1.


def timeline(records: Sequence[dict], end: float) -> List[dict]:
    """Rows of a timeline, one for each class, in the order in which they are first seen.

    Args:
        records (Sequence[dict]): Records of one video, in their order.
        end (float): Second at which the video ends.

    Returns:
        list[dict]: 'label', 'name' and 'bars', each of which has 'start', 'end' and 'score'; the
        12 classes that are seen longest at most.
    """
    records = [record for record in records if 'error' not in record]
    if records and 'frame' in records[0]:
        records = _as_windows(records, end)
    rows: Dict[int, dict] = {}
    for one in _segments(records):
        row = rows.setdefault(one.label, dict(label=one.label, name=one.name, bars=[]))
        row['bars'].append({key: asdict(one)[key] for key in ('start', 'end', 'score')})
    longest = sorted(rows.values(), key=lambda row: sum(b['start'] - b['end'] for b in row['bars']))
    return sorted(longest[:_NUM_ROWS], key=lambda row: row['bars'][0]['start'])


def _segments(records: Sequence[dict]) -> List[Segment]:
    """Spans of the best class; where objects are found, spans of each class."""
    labels = sorted({one['label'] for record in records for one in _found(record)})
    found: List[Segment] = []
    for label in labels or [None]:
        merger = SegmentMerger()
        for record in records:
            found += merger.add(record if label is None else _of_class(record, label))
        found += merger.finish()
    return found


def _found(record: dict) -> List[dict]:
    """Objects; of each person the most likely action, and others that are likely."""
    return [
        found for one in record.get('objects', ())
        for place, found in enumerate(one.get('actions', [one]))
        if not place or 'actions' not in one or found['score'] >= OBJECT_THRESHOLD
    ]


def _of_class(record: dict, label: int) -> dict:
    """The best object of a class as if it were the class of the frame."""
    objects = [one for one in _found(record) if one['label'] == label]
    return dict(record, classes=sorted(objects, key=lambda one: -one['score'])[:1])


def _as_windows(records: Sequence[dict], end: float) -> List[dict]:
    """Frames that last until the next one that is predicted; those with people at most a second."""
    starts = [record['frame']['second'] for record in records]
    has_people = any('actions' in one for record in records for one in record.get('objects', ()))
    longest = _KEY_FRAME if has_people else end
    return [
        dict(record, window=dict(start=start, end=min(stop, start + longest)))
        for record, start, stop in zip(records, starts, [*starts[1:], end])
    ]
