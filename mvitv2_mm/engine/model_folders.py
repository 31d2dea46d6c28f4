"""The end of a training: its last and its best weights become model folders."""
import logging
import os
from pathlib import Path
from typing import Dict, Iterator, Tuple

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from ..checkpoints.class_names import trained_classes
from ..checkpoints.io import read_file, unwrap
from ..checkpoints.model_folder import write_model_folder
from ..checkpoints.provenance import licence_of, measured
from ..checkpoints.tasks import classes_of_data, count_classes, task_of
from ..registry import HOOKS

_TIMES = ('time', 'data_time')


@HOOKS.register_module()
class ModelFolderHook(Hook):
    """Write ``WORK_DIR/models/last``, and ``models/best`` where a best checkpoint is kept.

    Each is made of a checkpoint that was saved: with averaged weights (EMA) of those that the
    validation used, and of a sharded training of whole tensors. A pre-training has no classes and
    gets no folders. See :mod:`mvitv2_mm.checkpoints.model_folder`.
    """
    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        self.start, self.validated = runner.iter, None

    def after_val_epoch(self, runner: Runner, metrics: Dict[str, float] = None) -> None:
        self.validated = runner.iter

    def after_train(self, runner: Runner) -> None:
        if not is_main_process() or task_of(runner.cfg) is None:
            return
        for name, path in _checkpoints(runner):
            folder = Path(runner.work_dir, 'models', name)
            if name == 'last' and runner.iter == self.start and folder.is_dir():
                continue  # nothing was trained: it is there
            try:
                self._write(runner, name, path, folder)
            except (OSError, ValueError, ImportError) as error:
                print_log(f'{folder} is not written: {error}', 'current', logging.WARNING)
            else:
                print_log(f'The model of {path} is saved in {folder}', 'current')

    def _write(self, runner: Runner, name: str, path: str, folder: Path) -> None:
        cfg, content = runner.cfg, read_file(path, mapped=True)
        classes = trained_classes(content['meta']) or classes_of_data(cfg)
        if classes is not None and len(classes) != count_classes(cfg.model):
            classes = None
        licence, note = licence_of(cfg)
        write_model_folder(
            folder,
            cfg,
            unwrap(content, path),
            task_of(cfg),
            classes,
            measured(self._scores(runner, name, content), cfg),
            licence,
            name=Path(os.path.abspath(runner.work_dir)).name,
            licence_note=note)

    def _scores(self, runner: Runner, name: str, content: dict) -> Dict[str, float]:
        """What the validation of a checkpoint measured; nothing if it was not validated."""
        scalars = {}
        if name == 'best':  # it was saved just after its validation
            scalars = content['message_hub']['log_scalars']
        elif self.validated == runner.iter == content['meta']['iter']:
            scalars = runner.message_hub.log_scalars
        found = {key.partition('/')[2]: scalars[key] for key in scalars if key.startswith('val/')}
        return {key: buffer.current() for key, buffer in found.items() if key not in _TIMES}


def _checkpoints(runner: Runner) -> Iterator[Tuple[str, str]]:
    """'last' and 'best', and the files of these checkpoints, where they are kept."""
    record = Path(runner.work_dir, 'last_checkpoint')
    if record.is_file():
        yield 'last', record.read_text(errors='replace').strip()
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best:
            several = getattr(hook, 'best_ckpt_path_dict', {}).values()
            best = [path for path in (getattr(hook, 'best_ckpt_path', None), *several) if path]
            if best:
                yield 'best', best[0]
