"""Train, test and judge one task through the commands, as a user would."""
import json
import shlex
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT
from typing import Dict, Optional, Tuple

from ..children import child
from . import data


@dataclass(frozen=True)
class Target:
    """A metric of one test run and its bound: at least ``bound``, or at most if ``is_control``."""
    label: str
    run: str
    key: str
    bound: float
    is_control: bool = False

    def is_met(self, value: float) -> bool:
        return value <= self.bound if self.is_control else value >= self.bound

    @property
    def wanted(self) -> str:
        return f'{"at most" if self.is_control else "at least"} {self.bound:g}'


@dataclass(frozen=True)
class Task:
    """What is trained and judged; ``controls`` are folders to test on too."""
    name: str
    targets: Tuple[Target, ...]
    controls: Tuple[str, ...] = ()


TASKS = (
    Task('image', (Target('image top-1, %', 'test', 'accuracy/top1', 95.), )),
    Task('detection', (
        Target('box mAP', 'test', 'coco/bbox_mAP', 0.50),
        Target('mask mAP', 'test', 'coco/segm_mAP', 0.45),
    )),
    Task('video', (
        Target('motion top-1', 'test', 'acc/top1', 0.90),
        Target('played backwards: opposite motion', 'backwards', 'acc/top1', 0.80),
        Target('frozen frame: motion', 'frozen', 'acc/top1', 0.35, is_control=True),
    ), controls=('backwards', 'frozen')),
)  # yapf: disable


@dataclass
class Outcome:
    """What a task reached, in how many seconds, and where its files are."""
    task: Task
    work_dir: Path
    seconds: float
    metrics: Dict[str, dict]

    def value(self, target: Target) -> float:
        return self.metrics[target.run][target.key]


def run_task(task: Task, work_dir: Path) -> Outcome:
    """Make the data, fine-tune on it (or go on where a killed run stopped) and test the controls.

    Raises:
        RuntimeError: If a command fails.
    """
    start = time.monotonic()
    root = data.prepare(task.name)
    _call('finetune', [root, '--from', 'none', '--out', work_dir])
    metrics = {'test': json.loads((work_dir / 'test_metrics.json').read_text())}
    controls = data.prepare('controls') if task.controls else None
    best = next(work_dir.glob('best_*.pth'))
    for name in task.controls:
        out = work_dir / f'{name}_metrics.json'
        _call('test', [
            work_dir / 'config.py', best, '--work-dir', work_dir, '--out-metrics', out,
            '--cfg-options', f'test_dataloader.dataset.data_root={controls / name}',
            'test_dataloader.dataset.ann_file=""'
        ], work_dir / f'{name}.log')
        metrics[name] = json.loads(out.read_text())
    return Outcome(task, work_dir, time.monotonic() - start, metrics)


def _call(command: str, args: list, log: Optional[Path] = None) -> None:
    """Run a command of this package as a user would; its output goes to a log if one is given."""
    words = ['-m', 'mvitv2_mm', command, *map(str, args)]
    print(f'$ python {shlex.join(words)}', flush=True)
    with (log.open('w') if log else nullcontext()) as file:
        with child([sys.executable, *words], stdout=file, stderr=file and STDOUT) as done:
            pass
    if done.returncode:
        where = f' (log: {log})' if log else ''
        raise RuntimeError(f'"{command}" failed with exit code {done.returncode}{where}')
