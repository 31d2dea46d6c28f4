import csv
from typing import List

from .base import Writer

ALL_TASKS = ('image', 'detection', 'video', 'action_detection')
_CLASS = ('label', 'name', 'score')
_BOX = ('x1', 'y1', 'x2', 'y2')


class CSVWriter(Writer):
    """A table: a row for each input or window with its best classes, or for each object or action.

    An input that could not be read has a row with its error. An input without objects has none.

    Args:
        *args: See :class:`Writer`.
        top_k (int): How many classes a row lists at most. Defaults to 5.
        **kwargs: See :class:`Writer`.
    """
    name = 'predictions.csv'
    tasks = ALL_TASKS

    def __init__(self, *args, top_k: int = 5, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._table = csv.DictWriter(
            self._open(self.path), self._columns(top_k), lineterminator='\n')
        self._table.writeheader()

    def _columns(self, top_k: int) -> List[str]:
        task, classes = self.model.task, self.model.classes
        where = ('start', 'end') if task == 'video' else ('frame', 'second')
        found = (*_CLASS, *_BOX, 'track')
        if task in ('image', 'video'):
            number = min(top_k, len(classes)) if classes else top_k
            found = [f'{key}_{rank}' for rank in range(1, number + 1) for key in _CLASS]
        return ['input', *where, *found, 'error']

    def add(self, record: dict) -> None:
        if 'error' in record:
            self._table.writerow(dict(input=record['input'], error=record['error']))
        else:
            self._table.writerows(self._rows(record))

    def _rows(self, record: dict) -> List[dict]:
        where = dict(input=record['input'])
        if self.model.task == 'video':
            window = record.get('window', {})
            where.update(start=window.get('start'), end=window.get('end'))
        else:
            frame = record.get('frame', {})
            where.update(frame=frame.get('number'), second=frame.get('second'))
        if 'classes' in record:
            for rank, found in enumerate(record['classes'], 1):
                where.update({f'{key}_{rank}': found[key] for key in _CLASS})
            return [where]
        return [{**where, **row} for one in record['objects'] for row in _object_rows(one)]


def _object_rows(one: dict) -> List[dict]:
    box = dict(zip(_BOX, one['box']))
    return [
        dict({key: found[key]
              for key in _CLASS}, **box, track=one.get('track'))
        for found in one.get('actions', [one])
    ]
