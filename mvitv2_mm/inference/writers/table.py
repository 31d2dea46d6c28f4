import csv
from typing import List, Optional

from .base import Writer

ALL_TASKS = ('image', 'detection', 'video', 'action_detection')


class CSVWriter(Writer):
    """A table: a row for each input or window with its best classes, or for each object or action.

    An input that could not be read has a row with its error. An input without objects has none.
    """
    name = 'predictions.csv'
    tasks = ALL_TASKS

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._file = self._open(self.path)
        self._table: Optional[csv.DictWriter] = None
        self._errors: List[dict] = []  # before the first result, which tells the columns

    def add(self, record: dict) -> None:
        if 'error' in record:
            rows = [dict(input=record['input'], error=record['error'])]
        else:
            rows = self._rows(record)
        if self._table is None:
            self._errors += rows
            if 'error' in record or not rows:
                return
            self._begin(list(rows[0]))
        else:
            self._table.writerows(rows)

    def close(self) -> None:
        if self._table is None:
            self._begin(['input'])
        super().close()

    def _begin(self, columns: List[str]) -> None:
        self._table = csv.DictWriter(self._file, [*columns, 'error'], lineterminator='\n')
        self._table.writeheader()
        self._table.writerows(self._errors)

    def _rows(self, record: dict) -> List[dict]:
        where = dict(input=record['input'])
        if self.model.task == 'video':
            window = record.get('window', {})
            where.update(start=window.get('start'), end=window.get('end'))
        else:
            frame = record.get('frame', {})
            where.update(frame=frame.get('number'), second=frame.get('second'))
        if self.model.task in ('image', 'video'):
            ranks = enumerate(record['classes'], 1)
            columns = [{f'{k}_{rank}': c[k] for k in _CLASS} for rank, c in ranks]
            return [{**where, **{k: v for column in columns for k, v in column.items()}}]
        return [{**where, **row} for one in record['objects'] for row in _object_rows(one)]


_CLASS = ('label', 'name', 'score')


def _object_rows(one: dict) -> List[dict]:
    box = dict(zip(('x1', 'y1', 'x2', 'y2'), one['box']))
    return [{
        **{
            k: found[k]
            for k in _CLASS
        },
        **box, 'track': one.get('track')
    } for found in one.get('actions', [one])]
