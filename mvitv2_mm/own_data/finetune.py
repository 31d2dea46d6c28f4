"""The whole way from own data to a tested model, which goes on where it was stopped."""
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Optional, Union

from mmengine.config import Config
from rich.console import Console

from ..checkpoints.tasks import task_of
from ..config_files import load_config
from ..data_check import KINDS, check, find_splits
from ..dry_run import finding_lines, plan_line
from ..errors import UsageError
from ..progress import shown_progress
from . import outcome, recipe
from .config_file import write_config
from .job import Job
from .networks import choose_start
from .recognition import recognise
from .splits import with_validation
from .trial import find_batch, run_trial
from .writing import WrittenData, write

_MAX_PROBLEMS = 10  # lines


def finetune(data: Union[str, Path],
             arch: Optional[str] = None,
             model: Optional[str] = None,
             val: Optional[str] = None,
             epochs: Optional[int] = None,
             out: Optional[Union[str, Path]] = None,
             cfg_options: Optional[dict] = None) -> dict:
    """Train a network on own data, and test it.

    The same call again goes on where the last one stopped.

    Args:
        data (str | Path): A folder or annotation file in a format that :func:`recognise` knows.
        arch (str, optional): Size of the network, see :func:`choose_start`. Defaults to None.
        model (str, optional): What to start from, see :func:`choose_start`. Defaults to None.
        val (str, optional): Validation data or a share, see :func:`with_validation`. Defaults to
            None.
        epochs (int, optional): Length of the training. Defaults to None, that of the recipe.
        out (str | Path, optional): Folder for all results. Defaults to None, ``work_dirs`` and the
            name of the data.
        cfg_options (dict, optional): Changes of the config, as of ``--cfg-options``. Defaults to
            None.

    Returns:
        dict: ``task``, ``out``, ``config``, ``model`` (folder), ``metrics`` and ``predict``, the
        command line that uses the model.

    Raises:
        FileNotFoundError: If something that was named does not exist.
        ValueError: If nothing can be learnt from the data, or arguments do not belong together.
        ChildProcessError: If training or test fail.
    """
    if epochs is not None and epochs < 1:
        raise UsageError(f'--epochs should be at least 1, but is {epochs}')
    place = Path(os.path.abspath(os.path.expanduser(data)))
    arguments = dict(
        data=str(place), arch=arch, val=val, epochs=epochs, cfg_options=cfg_options or {})
    arguments['from'] = model
    if not place.exists():
        raise FileNotFoundError(f'{place} does not exist')
    console = Console(highlight=False, soft_wrap=True)
    name = place.name if place.is_dir() else place.stem
    with Job(out or Path('work_dirs', name), arguments) as job:
        run = _Run(job, console)
        if not job.config.is_file():
            run.prepare()
        elif not job.metrics.is_file():
            run.say(f'{job.out} holds this fine-tuning, going on where it stopped')
        return run.finish()


class _Run:
    """The steps of a job, each of which leaves a file when it is done."""

    def __init__(self, job: Job, console: Console) -> None:
        self.job = job
        self.console = console

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def prepare(self) -> None:
        """All before the training: the config is there in the end."""
        asked = self.job.arguments
        data = with_validation(recognise(asked['data']), asked['val'])
        self.say(data.describe())
        written = write(data, self.job.out / 'data')
        start = choose_start(written.task, written.short_side, asked['arch'], asked['from'])
        self.say(f'starts from {start.text}')
        cfg = recipe.make_config(written, start, asked['epochs'])
        shutil.rmtree(self.job.draft.parent, ignore_errors=True)  # of a killed run
        self._write(self.job.draft, start.base, cfg, written)
        per_step, options = recipe.samples_per_step(cfg), asked['cfg_options']
        if options:
            cfg = load_config(str(self.job.draft), options)
            self._write(self.job.draft, start.base, cfg, written)
        self._check(self.job.draft)
        batch = cfg.train_dataloader.batch_size
        if 'optim_wrapper.accumulative_counts' in options:
            per_step = recipe.samples_per_step(cfg)
        per_step = max(per_step, batch)
        most = batch if 'train_dataloader.batch_size' in options else per_step

        def try_out(batch_size: int) -> Optional[dict]:
            recipe.set_batch(cfg, batch_size, per_step)
            self._write(self.job.draft, start.base, cfg, written)
            return run_trial(self.job.draft, self.job.out)

        found = find_batch(try_out, batch, most, self.say)
        shutil.rmtree(self.job.draft.parent)
        for line in (plan_line(found), *finding_lines(found)):
            self.say(line)
        self.say(f'see {os.path.relpath(found["pictures"][1])}, what the network receives')
        self._write(self.job.config, start.base, cfg, written)

    def _write(self, path: Path, base: Path, cfg: Config, data: WrittenData) -> None:
        named = {key: cfg[key] for key in ('data_root', 'classes', 'num_classes')}
        comment = f'{data.kind}: {len(data.classes)} classes, written by "mvitv2_mm finetune".'
        write_config(path, base, cfg, comment, named)

    def _check(self, config: Path) -> None:
        """Look at every file before the training starts."""
        counts: Counter = Counter()

        def show(split: str, problem) -> None:
            counts[problem.kind] += 1
            if sum(counts.values()) <= _MAX_PROBLEMS:
                level = KINDS[problem.kind].level
                self.say(f'{level}: {split}: {problem.where}: {problem.what}')

        with shown_progress() as track:
            reports = check(find_splits(str(config)), os.cpu_count(), False, show, track)
        more = sum(counts.values()) - _MAX_PROBLEMS
        if more > 0:
            self.say(f'and {more} more problems')
        errors = sum(report.num_errors for report in reports)
        if errors:
            kinds = [KINDS[name] for name in KINDS if counts[name]]
            remedies = [kind.remedy for kind in kinds if kind.is_error]
            raise ValueError(f'{errors} errors in the data, named above: {"; ".join(remedies)}')
        self.say('all files can be read')

    def finish(self) -> dict:
        """Train, test and report; what is done already stays."""
        job = self.job
        if job.metrics.is_file():
            self.say('all is done already; for another training name another folder with --out')
        else:
            self._train_and_test()
        cfg = Config.fromfile(job.config)
        task = task_of(cfg)
        self.console.print(outcome.make_table(task, job, cfg))
        for path in outcome.report(job):
            self.say(f'see {os.path.relpath(path)}')
        line = outcome.predict_line(job, cfg)
        model = job.out / 'models' / 'best'
        self.say(f'model: {os.path.relpath(model)}\nto use it: {line}')
        metrics = Config.fromfile(job.metrics).to_dict()
        return dict(
            task=task,
            out=str(job.out),
            config=str(job.config),
            model=str(model),
            metrics=metrics,
            predict=line)

    def _train_and_test(self) -> None:
        job = self.job
        resume = ['--resume'] if job.last_checkpoint else []
        self.say(f'training, log in {os.path.relpath(job.out / "train.log")}')
        job.call('train', [job.config, '--work-dir', job.out, *resume], 'train.log', self.say)
        best = job.best_checkpoint
        self.say(f'testing {best.name}, log in {os.path.relpath(job.out / "test.log")}')
        args = [job.config, best, '--work-dir', job.out, '--dump', job.predictions]
        job.call('test', [*args, '--out-metrics', job.metrics], 'test.log', self.say)
