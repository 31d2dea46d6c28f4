"""What a run leaves in its folder besides the records: other formats, and pictures to look at."""
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Iterable, Optional, Sequence

import numpy as np

from ..checkpoints.model_source import OpenedModel
from ..errors import UsageError
from .drawn import Drawer
from .output import RECORDS, read_records
from .shards import Output
from .tracks import Tracker
from .writers import WRITERS, common_folder


class Results:
    """Draws records as they come, and writes other formats of them at the end.

    Args:
        folder (str, optional): Where the results go; None if nothing is kept.
        opened (OpenedModel): The model.
        inputs (Sequence[Any]): What the user named, which tells the folder that all share.
        formats (Sequence[str]): Keys of :data:`WRITERS`. Defaults to ().
        draw (bool): Whether to draw. Defaults to False.
        coco_file (str, optional): See :class:`COCOWriter`. Defaults to None.
        top_k (int): How many classes a record lists at most. Defaults to 5.

    Raises:
        UsageError: If there is no folder to write to, or a format cannot hold the results.
        OSError, ValueError: If ``coco_file`` cannot be used.
    """

    def __init__(self,
                 folder: Optional[str],
                 opened: OpenedModel,
                 inputs: Sequence[Any],
                 formats: Sequence[str] = (),
                 draw: bool = False,
                 coco_file: Optional[str] = None,
                 top_k: int = 5) -> None:
        if folder is None and (formats or draw):
            raise UsageError('--format and --draw need --out, where their files go')
        if coco_file and 'coco' not in formats:
            raise UsageError('--coco-file gives the numbers of --format coco; add that')
        self.draws = draw
        self._folder, self._opened, self._formats = folder, opened, formats
        self._root = common_folder([item for item in inputs if isinstance(item, str)])
        self._options = dict(coco=dict(annotations=coco_file), csv=dict(top_k=top_k))
        self._drawer: Optional[Drawer] = None
        self._stack = ExitStack()
        with TemporaryDirectory() as scratch:  # what cannot be written shows before the run
            self._write(scratch, ())

    def __enter__(self) -> 'Results':
        if self.draws:
            self._drawer = self._stack.enter_context(Drawer(self._folder, self._root))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)

    def catch_up(self, output: Output, tracker: Optional[Tracker]) -> None:
        """Take the records of the runs before this one."""
        if tracker is None and self._drawer is None:
            return
        for record in output.written():
            if tracker is not None:
                tracker.update(record)
            if self._drawer is not None:
                self._drawer.add(record, if_missing=True)

    def add(self, record: dict, pictures: Sequence[np.ndarray]) -> None:
        """Take the next record, with the picture that it is about."""
        if self._drawer is not None:
            self._drawer.add(record, pictures)

    def finish(self) -> None:
        """Write the formats of all records in the folder."""
        if self._formats:
            self._write(self._folder, read_records(Path(self._folder) / RECORDS))

    def _write(self, folder: str, records: Iterable[dict]) -> None:
        with ExitStack() as stack:
            writers = [
                stack.enter_context(WRITERS[name](
                    folder, self._opened, root=self._root, **self._options.get(name, {})))
                for name in self._formats
            ]
            for record in records:
                for writer in writers:
                    writer.add(record)
