"""What a fine-tuning was asked for, kept in its folder, and the commands that it calls."""
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterable, List, NamedTuple, Optional, TextIO

from ..children import child
from ..errors import UsageError
from ..files import lock, write_text

_FILE = 'finetune.json'
_LINE = re.compile(r'Epoch\((train|val|test)\) *(?:\[ *(\d+)\])? *\[ *(\d+)/(\d+)\] *(.*)')
_VALUE = re.compile(r'(\S+): +(\S+)')
_PAUSE = 10.  # seconds between two lines about the progress


class Job:
    """A folder that belongs to one fine-tuning; the same call finds it again.

    A context, after which other processes may work there.

    Args:
        out (str | Path): The folder.
        arguments (dict): What was asked for.

    Raises:
        OSError: If another process works there.
        UsageError: If the folder is used for something else.
    """

    def __init__(self, out: Path, arguments: dict) -> None:
        self.out = Path(os.path.abspath(out))
        self.arguments = json.loads(json.dumps(arguments))
        path = self.out / _FILE
        is_new = not self.out.exists() or self.out.is_dir() and not any(self.out.iterdir())
        if not is_new and not path.is_file():
            raise UsageError(f'{self.out} holds something else than a fine-tuning; name another '
                             'folder with --out')
        self.out.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.out, os.O_RDONLY)
        try:
            lock(self._descriptor, self.out)
            if self.config.is_file():
                self._check_same(json.loads(path.read_text()))
            else:  # nothing is lost if it is asked for something else now
                write_text(path, json.dumps(self.arguments, indent=2) + '\n')
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> 'Job':
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._descriptor)

    def _check_same(self, old: dict) -> None:
        different = [
            f'{key} {old.get(key)!r} and not {value!r}' for key, value in self.arguments.items()
            if old.get(key) != value
        ]
        if different:
            raise UsageError(f'{self.out} holds a fine-tuning with {", ".join(different)}; name '
                             'another folder with --out, or delete it')

    @property
    def config(self) -> Path:
        """The config; it is there when all before the training is done."""
        return self.out / 'config.py'

    @property
    def draft(self) -> Path:
        """The config while batches are tried."""
        return self.out / '.trial' / 'config.py'

    @property
    def metrics(self) -> Path:
        """Metrics of the test, which is the last step."""
        return self.out / 'test_metrics.json'

    @property
    def predictions(self) -> Path:
        """Predictions of the test."""
        return self.out / 'test_predictions.pkl'

    @property
    def last_checkpoint(self) -> Optional[Path]:
        """The checkpoint to go on from, None before the first."""
        path = self.out / 'last_checkpoint'
        return Path(path.read_text().strip()) if path.is_file() else None

    @property
    def best_checkpoint(self) -> Optional[Path]:
        """The checkpoint that was best in validation, else the last one."""
        best = sorted(self.out.glob('best_*.pth'), key=os.path.getmtime)
        return best[-1] if best else self.last_checkpoint

    def call(self, command: str, args: List[str], log: str, say: Callable[[str], None]) -> None:
        """Run a command in a process of its own; its output goes to a log, its progress to ``say``.

        Raises:
            ChildProcessError: If the command fails; names its last words and its log.
        """
        words = [sys.executable, '-m', 'mvitv2_mm', command, *map(str, args)]
        path = self.out / log
        pipe = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
        with path.open('a', buffering=1) as file, child(words, **pipe) as process:
            last = self._follow(process.stdout, file, say)
        if process.returncode:
            raise ChildProcessError(f'{command} failed: {last} (whole log: {path})')

    @staticmethod
    def _follow(lines: Iterable[str], file: TextIO, say: Callable[[str], None]) -> str:
        last, said = '', -_PAUSE
        for line in lines:
            file.write(line)
            last = line.strip() or last
            found = read_progress(line)
            if found and (found.is_result or time.monotonic() - said >= _PAUSE):
                said = time.monotonic()
                say(f'  {found.text}')
        return last


class Progress(NamedTuple):
    """What a line of a log says about the progress, and whether it has results."""
    text: str
    is_result: bool


def read_progress(line: str) -> Optional[Progress]:
    """Progress in a line of mmengine's log, None if there is none.

    Examples:
        >>> read_progress('Epoch(train)  [3][10/45]  lr: 1e-3  eta: 0:01:35  loss: 1.21')
        Progress(text='epoch 3, 10 of 45: loss 1.21, 0:01:35 left', is_result=False)
        >>> read_progress('Epoch(val) [3][6/6]    accuracy/top1: 82.45  time: 0.07')
        Progress(text='epoch 3: accuracy/top1 82.45', is_result=True)
    """
    found = _LINE.search(line)
    if found is None:
        return None
    loop, epoch, number, total, rest = found.groups()
    values = dict(_VALUE.findall(rest))
    where = f'epoch {epoch}'
    if loop == 'train':
        left = f', {values["eta"]} left' if 'eta' in values else ''
        return Progress(f'{where}, {number} of {total}: loss {values.get("loss")}{left}', False)
    metrics = [f'{name} {value}' for name, value in values.items() if '/' in name]
    if loop == 'val' and metrics:
        return Progress(f'{where}: {", ".join(metrics[:2])}', True)
    return Progress(f'{loop}: {number} of {total}', False)
