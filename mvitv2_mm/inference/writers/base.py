"""What all writers share: records in, in order; complete files at the end or none."""
from contextlib import ExitStack
from pathlib import Path
from typing import List, Optional, TextIO, Union

from ...errors import UsageError
from ...files import replaced
from .names import Names


class Writer:
    """Writes records to a format that other tools read.

    Files are named once :meth:`close` is called; after an error in a ``with`` block none is.

    Args:
        folder (str | Path): Where the results go. A format of one file has one of a fixed name
            there, a format of many files has a folder.
        model (OpenedModel): The model that made the records.
        root (str, optional): Folder below which the inputs lie; the rest of their paths is kept.
            Defaults to None: the current one.

    Raises:
        UsageError: If the format cannot hold what the model predicts.
    """
    #: name of the file or folder, and what the format can hold
    name: str
    tasks = ('detection', )

    def __init__(self, folder: Union[str, Path], model: object, root: Optional[str] = None) -> None:
        if model.task not in self.tasks:
            raise UsageError(f'{self.name} holds results of models for {" or ".join(self.tasks)}, '
                             f'but {model.name} is one for {model.task}; "csv" holds all')
        self.path = Path(folder) / self.name
        self.model = model
        self.names = Names(root)
        self._files = ExitStack()
        self._num_labels = 0

    def __enter__(self) -> 'Writer':
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.close()
        else:
            self._files.__exit__(*error)

    def add(self, record: dict) -> None:
        """Take the next record."""
        raise NotImplementedError

    def close(self) -> None:
        """Complete the files."""
        self._files.close()

    def _open(self, path: Path) -> TextIO:
        """A text file that replaces ``path`` when the writer is closed."""
        temporary = self._files.enter_context(replaced(path))
        # names of files may hold any bytes
        return self._files.enter_context(
            temporary.open('w', encoding='utf-8', errors='surrogateescape', newline=''))

    def _objects(self, record: dict) -> List[dict]:
        objects = record.get('objects', [])
        self._num_labels = max([self._num_labels, *(one['label'] + 1 for one in objects)])
        return objects

    def _classes(self) -> List[str]:
        """Names of the classes; numbers, up to the highest so far, if they have none."""
        return list(self.model.classes or map(str, range(self._num_labels)))
