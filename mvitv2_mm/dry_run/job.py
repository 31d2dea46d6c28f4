"""The whole look at a training, in the very process that would run it."""
import gc
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Iterator, List, Optional

import torch
from mmengine.config import Config
from mmengine.runner import EpochBasedTrainLoop

from ..checkpoints.loading import noted_reports
from ..checkpoints.preprocessing import describe_preprocessing
from ..checkpoints.tasks import classes_of_data, count_classes, task_of
from ..config_walk import leaf_datasets
from ..engine.dry_runs import FILE, FOLDER
from ..engine.training import prepare_runner
from ..errors import UsageError
from ..files import folder_aside, to_json, write_text
from . import findings, weights
from .batches import BatchKeeper, Look, draw_batch
from .curves import draw_curves, simulate
from .largest import Boxes
from .measure import Measured, measure
from .overfit import Overfit, check_overfit, overfit

_OFF = ('checkpoint', 'models', 'validate_resumed')  # hooks that write, or validate


def dry_run(cfg: Config, with_overfit: bool = False) -> dict:
    """Look at a training without training, and write ``WORK_DIR/dry_run/``.

    A Runner in a folder of its own takes a few steps, so that nothing of the work dir changes. Call
    it in a fresh process, as ``train --dry-run`` does, where the memory is to be that of the
    training.

    Args:
        cfg (Config): Of the training, see :func:`prepare_config`.
        with_overfit (bool): Also try whether one batch can be learnt by heart. Defaults to False.

    Returns:
        dict: The content of ``dry_run.json``.

    Raises:
        UsageError: If the training is one of several processes, sharded, or resumed.
        ValueError: If the data does not fit the config.
        OSError: If files are missing.
    """
    if cfg.launcher != 'none' or cfg.get('resume'):
        raise UsageError('--dry-run looks at the start of a training in one process; leave out '
                         '--launcher and --resume')
    if cfg.get('runner_type') == 'FlexibleRunner':
        raise UsageError('--dry-run cannot foresee a training whose model is split over processes '
                         '(runner_type="FlexibleRunner"): leave out _base_/fsdp.py for it')
    out = Path(cfg.work_dir, FOLDER)
    with folder_aside(out) as folder:  # where the checkpoints will be
        found = _Look(_quiet(cfg, str(folder)), cfg, out, with_overfit).run()
    write_text(out / FILE, to_json(found, indent=2))
    return found


def _quiet(cfg: Config, folder: str) -> Config:
    """A copy of a config whose run leaves nothing behind, and steps after every pass."""
    quiet = Config(cfg.to_dict(), filename=cfg.filename)
    quiet.work_dir = folder
    quiet.log_level = 'ERROR'
    for name in _OFF:
        if name in quiet.get('default_hooks', {}):
            quiet.default_hooks[name] = None
    if 'visualizer' in quiet:
        quiet.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    quiet.optim_wrapper.accumulative_counts = 1
    return quiet


class _Look:
    """One dry run.

    Args:
        cfg (Config): Of the run that is measured.
        real (Config): Of the training.
        out (Path): Folder for the results.
        with_overfit (bool): Whether to learn a batch by heart.
    """

    def __init__(self, cfg: Config, real: Config, out: Path, with_overfit: bool) -> None:
        self.cfg, self.real, self.out = cfg, real, out
        self.start = Path(cfg.work_dir, 'start.pth') if with_overfit else None
        self.boxes = Boxes()
        self.findings: List[findings.Finding] = []

    def run(self) -> dict:
        """Measure first, as all that comes later needs memory, too."""
        self.runner = prepare_runner(self.cfg)
        self.keeper = BatchKeeper(self.start)
        self.runner.register_hook(self.keeper)
        self.runner.train_loop.val_begin = float('inf')
        with noted_reports() as self.reports:
            measured = self._measure()
        plan = self._plan()
        curves = simulate(self.runner)
        shutil.rmtree(self.out, ignore_errors=True)
        draw_curves(curves, len(self.runner.train_dataloader), self.out / 'curves.png')
        pictures = [str(self.out / 'curves.png'), *self._draw()]
        boxes = asdict(self.boxes) if self.boxes.pictures else None
        learnt = self._overfit()
        self.findings += self._check(boxes, learnt)
        return dict(
            plan=plan,
            measured=measured and measured._asdict(),
            estimate=measured and _estimate(plan, measured),
            curves=curves._asdict(),
            parameters=weights.count_parameters(self.runner.model),
            start=weights.start_of(self.real),
            weights=weights.describe_transfer(self.reports),
            boxes=boxes,
            overfit=learnt and learnt._asdict(),
            findings=[finding._asdict() for finding in self.findings],
            pictures=[os.path.abspath(path) for path in pictures])

    def _measure(self) -> Optional[Measured]:
        try:
            return measure(self.runner, self.boxes)
        except torch.OutOfMemoryError as error:
            text = str(error).partition('\n')[0]
            self.findings.append(
                findings.Finding(
                    findings.ERROR, 'memory', f'{text} Take smaller batches: --cfg-options '
                    'train_dataloader.batch_size=..., and for the same training as many times '
                    'more optim_wrapper.accumulative_counts'))
        gc.collect()
        torch.cuda.empty_cache()
        return None

    def _plan(self) -> dict:
        loop, loader = self.runner.train_loop, self.runner.train_dataloader
        passes = len(loader)
        count = self.real.optim_wrapper.get('accumulative_counts', 1)
        _, leaf = next(leaf_datasets(self.cfg.train_dataloader.dataset))
        repeats = leaf.get('num_repeats', 1)
        size = self.cfg.train_dataloader.batch_size * repeats
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        length = loop.max_epochs if by_epoch else loop.max_iters
        val = self.runner.val_dataloader if self.runner.val_loop is not None else None
        return dict(
            epochs=length if by_epoch else length / passes,
            passes=passes,
            accumulative_counts=count,
            steps=-(-loop.max_iters // count),
            total_passes=loop.max_iters,
            train_samples=len(loader.dataset),
            repeats=repeats,
            drawn=self.cfg.train_dataloader.get('sampler', {}).get('num_repeats', 1),
            samples_per_pass=size,
            samples_per_step=size * count,
            val_samples=len(val.dataset) if val else 0,
            val_passes=len(val) if val else 0,
            validations=_count_validations(self.real, length) if val else 0,
            checkpoints=_count_checkpoints(self.real, length if by_epoch else 0, loop.max_iters))

    def _draw(self) -> Iterator[str]:
        look = self._look()
        for number, batch in enumerate(self.keeper.batches, 1):
            kept, many = len(batch.inputs), 's' * (batch.size != 1)
            first = f', the first {kept}' if kept < batch.size else ''
            title = (
                f'batch {number}: {batch.size} sample{many}{first}, as the network receives them, '
                f'{" x ".join(map(str, batch.inputs.shape[1:]))}')
            path = self.out / f'batch_{number}.png'
            draw_batch(batch, look, title, path)
            yield str(path)

    def _look(self) -> Look:
        module = getattr(self.runner.model, 'module', self.runner.model).data_preprocessor
        values = [
            getattr(module, name, torch.tensor(other))
            for name, other in (('mean', 0.), ('std', 1.))
        ]
        mean, std = (value.detach().cpu().flatten().float() for value in values)
        task = task_of(
            self.real) or ('video' if self.real.get('default_scope') == 'mmaction' else 'image')
        order = describe_preprocessing(self.cfg, task)['colour_order']
        _, leaf = next(leaf_datasets(self.cfg.train_dataloader.dataset))
        classes = self._classes() or classes_of_data(self.real)
        return Look(mean, std, order == 'RGB', classes, leaf.get('num_repeats', 1))

    def _classes(self) -> Optional[list]:
        return getattr(self.runner.train_dataloader.dataset, 'metainfo', {}).get('classes')

    def _overfit(self) -> Optional[Overfit]:
        if self.start is None or self.keeper.raw is None:
            return None
        model = getattr(self.runner.model, 'module', self.runner.model)
        model.load_state_dict(torch.load(self.start, weights_only=True))
        return overfit(self.runner, self.keeper.raw)

    def _check(self, boxes: Optional[dict],
               learnt: Optional[Overfit]) -> Iterator[findings.Finding]:
        cfg, classes, checkpoint = self.real, self._classes(), weights.start_of(self.real)
        yield from findings.check_classes(count_classes(cfg.model), classes)
        yield from findings.check_learning_rate(cfg, self.runner.world_size)
        yield from findings.check_boxes(boxes)
        yield from findings.check_splits(self.runner)
        yield from weights.check_transfer(self.reports)
        if learnt is not None:
            yield from check_overfit(learnt)
        if checkpoint:
            origin = weights.origin_of(checkpoint)
            yield from weights.check_preprocessing(cfg, checkpoint, origin)
            yield from weights.check_order(cfg, origin, classes, self.reports)


def _count_validations(cfg: Config, length: int) -> int:
    """How often a training of so many epochs or iterations validates."""
    settings = cfg.train_cfg
    return _count(settings.get('val_begin', 1), settings.get('val_interval', 1), length)


def _count_checkpoints(cfg: Config, epochs: int, iterations: int) -> int:
    """How often a training is saved, apart from the best checkpoints."""
    hook = cfg.get('default_hooks', {}).get('checkpoint') or {}
    length = epochs if hook.get('by_epoch', True) else iterations
    interval = hook.get('interval', -1)
    return _count(1, interval if interval > 0 else length or 1, length)


def _count(begin: int, interval: int, length: int) -> int:
    """How many of so many steps are multiples of an interval, or the last."""
    return sum(done >= begin for done in {*range(interval, length + 1, interval), length} if done)


def _estimate(plan: dict, measured: Measured) -> dict:
    """Time of the whole training, of all its validations and checkpoints, and the memory."""
    return dict(
        train_seconds=plan['total_passes'] * measured.pass_seconds +
        plan['steps'] * measured.step_seconds,
        val_seconds=plan['validations'] *
        (plan['val_passes'] * measured.val_seconds + measured.metric_seconds),
        save_seconds=plan['checkpoints'] * measured.save_seconds,
        peak_bytes=measured.peak_bytes)
