"""What a fine-tuning was asked for, kept in its folder, and the tools that it calls."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Callable, List, Optional

from ..files import repository_folder, write_text

_FILE = 'finetune.json'
_LINE = re.compile(r'Epoch\((train|val|test)\)')


class Job:
    """A folder that belongs to one fine-tuning; the same call finds it again.

    Args:
        out (str | Path): The folder.
        arguments (dict): What was asked for.

    Raises:
        ValueError: If the folder is used for something else.
    """

    def __init__(self, out: Path, arguments: dict) -> None:
        self.out = Path(os.path.abspath(out))
        self.arguments = json.loads(json.dumps(arguments))
        path = self.out / _FILE
        if path.is_file():
            self._check_same(json.loads(path.read_text()))
        elif self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise ValueError(f'{self.out} holds something else than a fine-tuning; name another '
                             'folder with --out')
        else:
            write_text(path, json.dumps(self.arguments, indent=2) + '\n')

    def _check_same(self, old: dict) -> None:
        different = [
            f'{key} {old.get(key)!r} and not {value!r}' for key, value in self.arguments.items()
            if old.get(key) != value
        ]
        if different:
            raise ValueError(f'{self.out} holds a fine-tuning with {", ".join(different)}; name '
                             'another folder with --out, or delete it')

    @property
    def config(self) -> Path:
        """The config; it is there when all before the training is done."""
        return self.out / 'config.py'

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

    def call(self, tool: str, args: List[str], log: str, say: Callable[[str], None]) -> None:
        """Run a tool in a process of its own; all it says goes to a log, its progress to ``say``.

        Raises:
            RuntimeError: If the tool fails; names its last words and its log.
        """
        script = repository_folder() / 'tools' / f'{tool}.py'
        command = [sys.executable, str(script), *map(str, args)]
        path = self.out / log
        pipe = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
        with path.open('a', buffering=1) as file, subprocess.Popen(command, **pipe) as process:
            try:
                last = self._follow(process.stdout, file, say)
            except BaseException:
                process.terminate()
                raise
        if process.returncode:
            raise RuntimeError(f'{tool} failed: {last} (whole log: {path})')

    @staticmethod
    def _follow(lines, file, say: Callable[[str], None]) -> str:
        last = ''
        for line in lines:
            file.write(line)
            last = line.strip() or last
            if _LINE.search(line):
                say('  ' + ' '.join(line[_LINE.search(line).start():].split())[:150])
        return last
