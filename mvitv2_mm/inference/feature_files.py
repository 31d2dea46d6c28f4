"""Features on disk: safetensors, NumPy or Parquet, and an index of the inputs."""
import json
import shutil
from itertools import islice
from pathlib import Path
from typing import Dict, Iterable, Iterator, List

import numpy as np
from safetensors.numpy import save_file

from ..errors import UsageError
from ..extras import require
from ..files import replaced
from .output import RecordFile, read_records, refuse_new
from .sources import Source

SUFFIXES = ('.safetensors', '.npy', '.parquet')
_SHARD_BYTES = 2**28


class FeatureFiles:
    """Takes features one by one, and writes the files at the end.

    While a run lasts, features lie in one growing file of numbers, and a run that was cut short
    goes on at its end. The index has a line for each input, window or frame: where it comes from,
    and the shape of its features, or why there are none.

    Args:
        out (str): A file that ends in .safetensors, .npy or .parquet, or a folder, which gets files
            ``features-00000.safetensors`` of at most 256 MiB.
        settings (dict): All that the features follow from, as JSON has it.
        chunk (int): Number of inputs after each of which a run can go on.

    Raises:
        UsageError: If the file is of another kind, or there are features of other settings.
        ImportError: If a Parquet file is asked for and pyarrow is not installed.
    """

    def __init__(self, out: str, settings: dict, chunk: int) -> None:
        path = Path(out)
        self.path, self.kind = path, path.suffix
        if self.kind and self.kind not in SUFFIXES:
            raise UsageError(f'--out {out}: features go to a folder, or to a file that ends in '
                             f'{", ".join(SUFFIXES)}')
        if self.kind == '.parquet':
            require('pyarrow.parquet', 'Parquet')
        if self.kind:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.index, state, self._part = (
                path.with_name(path.name + end) for end in ('.index.jsonl', '.state.json', '.part'))
        else:
            path.mkdir(parents=True, exist_ok=True)
            self.index = path / 'index.jsonl'
            state, self._part = path / 'state.json', path / '.features.part'
        self._records = RecordFile(self.index, state, dict(settings, kind=self.kind), chunk)
        self._was_finished = not self._part.exists() and bool(self._records.progress.bytes)
        if self._was_finished and self.kind and not path.exists():
            raise UsageError(f'{self.index} tells of {path}, which is gone; remove that too')
        if not self._was_finished:
            self._numbers = open(self._part, 'ab')
            self._numbers.truncate(sum(map(num_bytes, self._records.written())))

    def __enter__(self) -> 'FeatureFiles':
        return self

    def __exit__(self, *error: object) -> None:
        self._records.close()
        if not self._was_finished:
            self._numbers.close()

    @property
    def num_done(self) -> int:
        """How many items of the first input that is left are done."""
        return self._records.progress.items

    def left(self, sources: Iterable[Source]) -> Iterator[Source]:
        """The inputs that are not done.

        Raises:
            ValueError: If others were done before, or the files are complete and these are new.
        """
        if self._was_finished:
            return refuse_new(sources, self._records.progress, self.path)
        return self._records.left(sources)

    def add(self, number: int, record: dict) -> None:
        """Add the features of an item.

        Args:
            number (int): Number of its input among those that :meth:`left` gave.
            record (dict): What the index says of it, and 'features', unless it tells of an error.
        """
        record = dict(record)
        if 'features' in record:
            features = np.ascontiguousarray(record.pop('features'), np.float32)
            record['shape'] = list(features.shape)
            self._numbers.write(features)
            self._numbers.flush()  # before the index, which tells how much there is
        self._records.add(number, record)

    def finish(self) -> int:
        """Write the files.

        Returns:
            int: How many inputs have no features.
        """
        self._records.finish()
        if not self._was_finished:
            self._numbers.flush()
            write = {'.npy': self._write_numpy, '.parquet': self._write_parquet}
            write.get(self.kind, self._write_safetensors)()
            self._part.unlink()
            self._was_finished = True
            self._numbers.close()
        return self._records.progress.failed

    def _rows(self) -> Iterator[dict]:
        """Index and features of the items that have some."""
        offset = 0
        for key in read_records(self.index):
            size = num_bytes(key)
            if size:
                features = np.memmap(self._part, np.float32, 'r', offset, tuple(key['shape']))
                yield dict(key, features=features)
            offset += size

    def _one_shape(self) -> tuple:
        shapes = {tuple(key['shape']) for key in read_records(self.index) if 'shape' in key}
        if len(shapes) > 1:
            one, other = sorted(shapes)[:2]
            raise ValueError(f'{self.path} holds arrays of one shape, but the inputs have '
                             f'{one} and {other}; take a folder or .safetensors as --out')
        return next(iter(shapes), (0, ))

    def _write_numpy(self) -> None:
        shape = self._one_shape()
        number = sum(1 for _ in self._rows())
        with replaced(self.path) as temporary, open(temporary, 'wb') as file:
            header = dict(descr='<f4', fortran_order=False, shape=(number, *shape))
            np.lib.format.write_array_header_2_0(file, header)
            with open(self._part, 'rb') as numbers:
                shutil.copyfileobj(numbers, file, 2**22)

    def _write_safetensors(self) -> None:
        """One matrix 'features' of vectors; of maps, which may differ in size, one tensor each."""
        for shard, rows in enumerate(self._shards()):
            path = self.path if self.kind else self.path / f'features-{shard:05d}.safetensors'
            tensors: Dict[str, np.ndarray] = {str(row['row']): row['features'] for row in rows}
            if all(features.ndim == 1 for features in tensors.values()):
                tensors = dict(features=np.stack(list(tensors.values()))) if tensors else {}
            with replaced(path) as temporary:
                save_file({k: np.asarray(v) for k, v in tensors.items()}, temporary)

    def _shards(self) -> Iterator[List[dict]]:
        rows: List[dict] = []
        size = 0
        for number, row in enumerate(self._rows()):
            size += num_bytes(row)
            if rows and size > _SHARD_BYTES and not self.kind:
                yield rows
                rows, size = [], num_bytes(row)
            rows.append(dict(row, row=number))
        if rows or self.kind:
            yield rows

    def _write_parquet(self) -> None:
        arrow, parquet = (require(name, 'Parquet') for name in ('pyarrow', 'pyarrow.parquet'))
        self._one_shape()
        rows = self._rows()
        with replaced(self.path) as temporary:
            writer = None
            while True:
                some = list(islice(rows, 1000))
                if writer is not None and not some:
                    break
                table = arrow.Table.from_pylist([_flat(row) for row in some])
                writer = writer or parquet.ParquetWriter(temporary, table.schema)
                writer.write_table(table)
            writer.close()


def num_bytes(key: dict) -> int:
    """Bytes of the features that an index tells of."""
    return 4 * int(np.prod(key['shape'])) if 'shape' in key else 0


def _flat(row: dict) -> dict:
    """A row of a table: the input, its place as JSON, and the numbers."""
    place = {k: row[k] for k in ('window', 'frame') if k in row}
    return dict(
        input=row['input'],
        place=json.dumps(place),
        shape=row['shape'],
        features=np.asarray(row['features']).ravel())
