"""Train, test and judge one task through the tools, as a user would."""
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Sequence, Tuple

from ..files import repository_folder
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
    """``runs`` maps the name of each test run to the options that turn the test set into it."""
    name: str
    targets: Tuple[Target, ...]
    runs: Dict[str, Sequence[str]] = field(default_factory=lambda: dict(test=()))

    @property
    def config(self) -> Path:
        return repository_folder() / 'configs' / 'quickstart' / f'{self.name}.py'


def _clips(variant: str) -> Sequence[str]:
    return (f'test_dataloader.dataset.ann_file=val_{variant}_list_videos.txt',
            f'test_dataloader.dataset.data_prefix.video=videos_val_{variant}')


TASKS = (
    Task('image', (Target('image top-1, %', 'test', 'accuracy/top1', 95.), )),
    Task('detection', (Target('box mAP', 'test', 'coco/bbox_mAP',
                              0.50), Target('mask mAP', 'test', 'coco/segm_mAP', 0.45))),
    Task(
        'video',
        (Target('motion top-1', 'test', 'acc/top1',
                0.90), Target('played backwards: opposite motion', 'backwards', 'acc/top1', 0.80),
         Target('frozen frame: motion', 'frozen', 'acc/top1', 0.35, is_control=True)),
        runs=dict(test=(), backwards=_clips('backwards'), frozen=_clips('frozen'))),
)


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
    """Make the data, train (or go on where a killed run stopped) and test.

    Raises:
        RuntimeError: If a tool fails, naming its log.
    """
    start = time.monotonic()
    data.prepare(task.name)
    work_dir.mkdir(parents=True, exist_ok=True)
    _call('train.py', [task.config, '--work-dir', work_dir, '--resume'], work_dir / 'train.log')
    checkpoint = (work_dir / 'last_checkpoint').read_text().strip()
    metrics = {}
    for run, options in task.runs.items():
        out = work_dir / f'{run}_metrics.json'
        args = [
            task.config, checkpoint, '--work-dir', work_dir, '--out-metrics', out, '--dump',
            work_dir / f'{run}_predictions.pkl'
        ]
        _call('test.py', args + (['--cfg-options', *options] if options else []),
              work_dir / f'{run}.log')
        metrics[run] = json.loads(out.read_text())
    return Outcome(task, work_dir, time.monotonic() - start, metrics)


def _call(tool: str, args: list, log: Path) -> None:
    """Run a tool; all it says goes to ``log``, its progress to the screen."""
    command = [sys.executable, str(repository_folder() / 'tools' / tool), *map(str, args)]
    print(f'{log.parent.name}: {tool}, log in {log}', flush=True)
    pipe = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
    with log.open('w', buffering=1) as file, subprocess.Popen(command, **pipe) as process:
        for line in process.stdout:
            file.write(line)
            if ' Epoch(' in line:
                print('  ' + line[line.index('Epoch('):].rstrip()[:150], flush=True)
    if process.returncode:
        last = log.read_text().strip().splitlines()[-1:]
        raise RuntimeError(f'{tool} failed: {"".join(last)} (whole log: {log})')
