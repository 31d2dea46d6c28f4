"""Where people are in videos: what a model for actions of people has to be told."""
import csv
import json
import os
from collections import defaultdict
from pathlib import PurePath
from typing import Dict, Iterator, List, NamedTuple, Tuple

import numpy as np

from ..errors import UsageError

COLUMNS = 'video,second,x1,y1,x2,y2'
NEEDED = (
    'it finds actions of people, whose boxes it has to be told: --boxes FILE takes a table of '
    f'"{COLUMNS}" with coordinates from 0 to 1, or the predictions.jsonl that a detector '
    'gave for the same videos')


class KeyFrame(NamedTuple):
    """A frame with people.

    Attributes:
        number (int, optional): Its number, None if only the second is known.
        second (float): When it is shown, in seconds since the first frame.
        boxes (np.ndarray): (n, 4), relative to the picture.
    """
    number: int
    second: float
    boxes: np.ndarray


class People:
    """Boxes of people in videos, from a file.

    Args:
        path (str): Lines ``video,second,x1,y1,x2,y2``, where more columns may follow as in AVA's
            own files, or records of a detector with frames (``predictions.jsonl``), whose objects
            called 'person' are taken.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is not as described.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        read = _read_records if path.endswith(('.json', '.jsonl')) else _read_table
        boxes: Dict[str, Dict[tuple, List[tuple]]] = defaultdict(lambda: defaultdict(list))
        with open(path, encoding='utf-8-sig', newline='') as file:
            for number, line in enumerate(file, 1):
                try:
                    for video, key, box in read(line):
                        boxes[video][key].append(box)
                except (KeyError, TypeError, ValueError):
                    raise UsageError(f'{path}, line {number}: expected "{COLUMNS}" or a record of '
                                     f'a frame, but got "{line.strip()[:100]}"') from None
        self._boxes = boxes

    def of(self, source: str) -> List[KeyFrame]:
        """The frames of a video with people, in their order.

        Args:
            source (str): Path of the video; a name without folder or suffix in the file will do.

        Raises:
            ValueError: If the file has none.
        """
        path = PurePath(source)
        found: Dict[tuple, List[tuple]] = defaultdict(list)
        for name in {source, os.path.abspath(source), path.name, path.stem}:
            for place, boxes in self._boxes.get(name, {}).items():
                found[place] += boxes
        if not found:
            raise ValueError(f'{self.path} has no boxes of people in this video')
        places = sorted(found, key=lambda place: place[1])
        return [KeyFrame(*place, np.array(found[place], np.float32)) for place in places]


def _read_table(line: str) -> Iterator[Tuple[str, tuple, tuple]]:
    """Video, place and box in a line of a table; none in a blank one."""
    for video, second, *numbers in csv.reader([line] if line.strip() else []):
        box = tuple(float(number) for number in numbers[:4])
        if len(box) != 4 or not all(0 <= number <= 1 for number in box):
            raise ValueError
        yield video, (None, float(second)), box


def _read_records(line: str) -> Iterator[Tuple[str, tuple, tuple]]:
    """Video, place and boxes in a record; none in one of an error."""
    record = json.loads(line)
    if 'error' in record:
        return
    frame, size = record['frame'], [record['width'], record['height']] * 2
    for found in record['objects']:
        if found['name'] == 'person':
            box = tuple(value / whole for value, whole in zip(found['box'], size))
            yield record['input'], (frame['number'], frame['second']), box
