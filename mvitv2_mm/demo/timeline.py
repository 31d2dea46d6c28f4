"""When each class is seen in a video."""
from dataclasses import asdict
from typing import Dict, List, Sequence

from ..inference.segments import Segment, SegmentMerger

_NUM_ROWS = 12


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
    labels = sorted({one['label'] for record in records for one in record.get('objects', ())})
    found: List[Segment] = []
    for label in labels or [None]:
        merger = SegmentMerger()
        for record in records:
            found += merger.add(record if label is None else _of_class(record, label))
        found += merger.finish()
    return found


def _of_class(record: dict, label: int) -> dict:
    """The best object of a class as if it were the class of the frame."""
    objects = [one for one in record['objects'] if one['label'] == label]
    return dict(record, classes=sorted(objects, key=lambda one: -one['score'])[:1])


def _as_windows(records: Sequence[dict], end: float) -> List[dict]:
    """Frames that last until the next one that is predicted."""
    starts = [record['frame']['second'] for record in records]
    return [
        dict(record, window=dict(start=start, end=stop))
        for record, start, stop in zip(records, starts, [*starts[1:], end])
    ]
