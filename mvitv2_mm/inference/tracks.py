"""The same number for the same object in all frames of a video."""
import warnings
from typing import Any, Dict, List

import numpy as np

from ..extras import require


class Tracker:
    """Adds 'track' to the objects of the records of a video, which come in order.

    Objects of different classes are followed apart from each other, by ByteTrack of the library
    ``supervision``. Tracks are numbered from 1 in each video. An object that is not followed, as
    its score is low and it is near no track, has no number.

    Raises:
        ImportError: If ``supervision`` is not installed.
    """

    def __init__(self) -> None:
        self._library = require('supervision', 'following objects from frame to frame')
        self._input: Any = None
        self._begin(None)

    def _begin(self, video: Any) -> None:
        self._input = video
        self._trackers: Dict[int, Any] = {}
        self._numbers: Dict[tuple, int] = {}

    def update(self, record: dict) -> None:
        """Number the objects of the next record, in place."""
        if 'frame' not in record or 'objects' not in record:
            return
        if record['input'] != self._input:
            self._begin(record['input'])
        by_label: Dict[int, List[dict]] = {label: [] for label in self._trackers}
        for one in record['objects']:
            by_label.setdefault(one['label'], []).append(one)
        for label, objects in by_label.items():
            self._follow(label, objects)

    def _follow(self, label: int, objects: List[dict]) -> None:
        if label not in self._trackers:
            with warnings.catch_warnings():  # its successor needs a numpy that mmdet has not
                warnings.simplefilter('ignore', FutureWarning)
                self._trackers[label] = self._library.ByteTrack()
        found = self._library.Detections.empty()
        if objects:
            found = self._library.Detections(
                xyxy=np.array([one['box'] for one in objects], np.float32),
                confidence=np.array([one['score'] for one in objects], np.float32),
                data=dict(place=np.arange(len(objects))))
        found = self._trackers[label].update_with_detections(found)
        for place, own in zip(found.data.get('place', ()), found.tracker_id):
            number = self._numbers.setdefault((label, int(own)), len(self._numbers) + 1)
            objects[place]['track'] = number
