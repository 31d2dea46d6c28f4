"""Checkpoints that are whole or not there, and validations that are not forgotten."""
import os
from pathlib import Path
from typing import Any, Iterable, List

from mmengine import hooks as host
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.runner import IterBasedTrainLoop, Runner

from ..files import flush, write_text
from ..registry import HOOKS
from .position import describe_position

# names the checkpoint to resume from
POINTER = 'last_checkpoint'
# the checkpoint of a run that was stopped in the middle of an epoch, after so many iterations
STOPPED = 'stopped_iter_{}.pth'
_VALIDATED = 'last_validation'
_PART = '.{}.part'  # of a checkpoint that is being written; all processes know the name


class _SavesAside:
    """A Runner whose checkpoints appear under their names when they are complete and on disk."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        """See mmengine's ``Runner.save_checkpoint``."""
        if _is_remote(out_dir):
            return self._runner.save_checkpoint(out_dir, filename, *args, **kwargs)
        path = Path(out_dir, filename)
        aside = path.with_name(_PART.format(filename))
        try:
            self._runner.save_checkpoint(out_dir, aside.name, *args, **kwargs)
            if is_main_process():
                flush(aside)
                aside.replace(path)
                flush(path.parent)
        finally:
            if is_main_process():
                aside.unlink(missing_ok=True)


class _RemovesLater:
    """A file backend that only notes which files are to be removed."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend
        self.outdated: List[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        self.outdated.append(path)


@HOOKS.register_module()
class CheckpointHook(host.CheckpointHook):
    """mmengine's ``CheckpointHook`` for runs that may be killed at any moment.

    - A checkpoint in a local folder is written aside, flushed to disk and renamed. Then
      ``last_checkpoint`` names it, and only then the older ones are removed.
    - What a killed run has left half-written goes when the next one starts in its folder.
    - A resumed run first makes up for a validation that was due and did not end, so that the best
      checkpoint is that of an uninterrupted run.

    Source: mmengine ``hooks/checkpoint_hook.py``, whose arguments it takes.
    """

    def before_train(self, runner: Runner) -> None:
        """Find the files of before, wherever the folder is now, and validate what is due."""
        info, folder = runner.message_hub.runtime_info, str(self.out_dir or runner.work_dir)
        for key in [key for key in info if key.startswith('best_ckpt') and not _is_remote(folder)]:
            best = os.path.join(folder, os.path.basename(info[key]))
            runner.message_hub.update_info(key, best)
        super().before_train(runner)
        if is_main_process() and not _is_remote(self.out_dir):
            _remove(Path(self.out_dir).glob(_PART.format('*')), but=[])  # of a run that was killed
        if _owes_validation(runner):
            runner.logger.info('The validation after this checkpoint did not end; it is done now')
            self.last_ckpt = runner.message_hub.get_info('last_ckpt')  # gets the best score too
            runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        """Keep the best checkpoint, and note that this validation has ended."""
        super().after_val_epoch(runner, metrics)
        if is_main_process():
            write_text(Path(runner.work_dir, _VALIDATED), str(runner.iter))

    def stop(self, runner: Runner) -> str:
        """Save a run after an iteration, of which ``after_train_iter`` is running.

        Args:
            runner (Runner): The runner.

        Returns:
            str: Path of the checkpoint, which the next regular one replaces.
        """
        step = runner.iter + 1
        path = os.path.join(self.out_dir, STOPPED.format(step))
        self._save(_SavesAside(runner), path, dict(epoch=runner.epoch, iter=step), by_epoch=False)
        if is_main_process():
            _remove(Path(self.out_dir).glob(STOPPED.format('*')), but=[path])
        return path

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        if _is_remote(self.out_dir):
            return super()._save_checkpoint_with_step(runner, step, meta)
        outdated = []
        if self.max_keep_ckpts > 0:
            outdated = self._no_longer_kept(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        path = os.path.join(self.out_dir, self.filename_tmpl.format(step))
        if not isinstance(runner, _SavesAside):
            runner = _SavesAside(runner)
        self._save(runner, path, meta, self.by_epoch)
        if is_main_process():
            _remove([*outdated, *Path(self.out_dir).glob(STOPPED.format('*'))], but=[path])

    def _save(self, runner: _SavesAside, path: str, meta: dict, by_epoch: bool) -> None:
        self.last_ckpt = path
        runner.message_hub.update_info('last_ckpt', path)
        runner.save_checkpoint(
            self.out_dir,
            os.path.basename(path),
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta={
                **meta,
                **describe_position(runner, meta)
            },
            by_epoch=by_epoch,
            backend_args=self.backend_args,
            **self.args)
        if is_main_process():
            write_text(Path(runner.work_dir, POINTER), path)

    def _no_longer_kept(self, step: int) -> List[str]:
        """Count a new checkpoint, and name those that it replaces."""
        steps = [kept for kept in self.keep_ckpt_ids if kept != step] + [step]
        self.keep_ckpt_ids = type(self.keep_ckpt_ids)(steps, self.max_keep_ckpts)
        return [
            os.path.join(self.out_dir, self.filename_tmpl.format(old))
            for old in steps[:-self.max_keep_ckpts]
        ]

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if not self.save_best or _is_remote(self.out_dir):
            return super()._save_best_checkpoint(runner, metrics)
        backend, self.file_backend = self.file_backend, _RemovesLater(self.file_backend)
        try:
            super()._save_best_checkpoint(_SavesAside(runner), metrics)
            best = [v for k, v in runner.message_hub.runtime_info.items() if k[:9] == 'best_ckpt']
            _remove(self.file_backend.outdated, but=best)
        finally:
            self.file_backend = backend


def _is_remote(folder: str) -> bool:
    return '://' in str(folder)


def _remove(paths: Iterable, but: List[str]) -> None:
    for path in map(str, paths):
        if path not in but:
            Path(path).unlink(missing_ok=True)


def _owes_validation(runner: Runner) -> bool:
    """Whether the loop would have validated before it went on from a checkpoint."""
    loop = runner.train_loop
    by_iter = isinstance(loop, IterBasedTrainLoop)
    step, last = (loop.iter, loop.max_iters) if by_iter else (loop.epoch, loop.max_epochs)
    is_boundary = by_iter or loop.iter == loop.epoch * len(loop.dataloader)
    if runner.val_loop is None or not step or not is_boundary or step < loop.val_begin:
        return False
    path = Path(runner.work_dir, _VALIDATED)
    done = path.read_text(errors='replace').strip() if path.is_file() else ''
    return (step % loop.val_interval == 0 or step == last) and done != str(loop.iter)
