"""Which checkpoint a run goes on from: the last one that is whole."""
import logging
import os
from pathlib import Path
from typing import Iterable, List, Optional, Tuple

from mmengine.config import Config
from mmengine.logging import print_log

from ..checkpoints import CheckpointError
from ..checkpoints.io import read_file
from .saving import POINTER, STOPPED

_NAMES = ('epoch_*.pth', 'iter_*.pth', STOPPED.format('*'))


def find_resume(cfg: Config) -> Optional[str]:
    """The checkpoint that ``--resume`` goes on from.

    It is the one that ``last_checkpoint`` in the work dir names, in that very folder if it has been
    moved or copied.
    If it is not whole, it is the newest one that is; what is passed over is logged, with the
    reason.

    Args:
        cfg (Config): The whole config.

    Returns:
        str | None: Its path; None if the training has no checkpoint yet.

    Raises:
        CheckpointError: If there are checkpoints, but none is whole.
    """
    work_dir = Path(cfg.work_dir)
    folder = cfg.get('default_hooks', {}).get('checkpoint', {}).get('out_dir')
    folder = Path(folder, work_dir.name) if folder else work_dir
    named, faults = _named(work_dir / POINTER, folder)
    others = [path for name in _NAMES for path in sorted(folder.glob(name)) if path != named]
    found = _newest([named] if named else [], faults) or _newest(others, faults)
    if found is None and (named or others):
        raise CheckpointError(f'{"; ".join(faults)}. No checkpoint in {folder} is whole; to begin '
                              'again, train without --resume')
    what = f'the training goes on from {found}' if found else 'the training begins at its start'
    for fault in faults:
        print_log(fault, 'current', logging.WARNING)
    print_log(f'--resume: {what}', 'current', logging.WARNING if faults else logging.INFO)
    return str(found) if found else None


def _named(pointer: Path, folder: Path) -> Tuple[Optional[Path], List[str]]:
    """The checkpoint that a file names, and what is wrong with that file."""
    if not pointer.is_file():
        return None, [f'{pointer} does not exist'] if any(folder.glob('*.pth')) else []
    text = pointer.read_text(errors='replace').strip()
    for path in (os.path.join(folder, os.path.basename(text)), text):
        if text and os.path.isfile(path):
            return Path(path), []
    return None, [f'{pointer} names "{text[:200]}", which is no file']


def _newest(paths: Iterable[Path], faults: List[str]) -> Optional[Path]:
    """The checkpoint after most iterations, of those that are whole."""
    iterations = {}
    for path in paths:
        try:
            content = read_file(path, map_location='meta')  # checks all, and keeps no tensor
            iterations[path] = content['meta']['iter']
        except CheckpointError as error:
            faults.append(str(error))
        except (KeyError, TypeError):
            faults.append(f'{path} is no checkpoint of a training')
    return max(iterations, key=iterations.get, default=None)
