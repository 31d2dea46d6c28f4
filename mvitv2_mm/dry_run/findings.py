"""What is wrong, or may be, with a training that has not begun: one line each with its remedy."""
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from mmengine.config import Config
from mmengine.runner import Runner

from ..files import sha256_of

ERROR, WARNING = 'error', 'warning'
_MAX_FILES = 100_000  # of a split; an even part of more
_MAX_HASHED = 8 * 2**20  # bytes; larger files are compared by their paths
_MAX_LOST = 0.25  # of the boxes


class Finding(NamedTuple):
    """One line for the user.

    Attributes:
        level (str): 'error' or 'warning'.
        kind (str): A word for programs.
        text (str): What was found, and what to do.
    """
    level: str
    kind: str
    text: str


def check_learning_rate(cfg: Config, processes: int) -> Iterator[Finding]:
    """See whether the learning rate is the one for the samples of a pass, or of a step."""
    scale = cfg.get('auto_scale_lr') or {}
    base = scale.get('base_batch_size')
    found = cfg.train_dataloader.batch_size * processes
    of_step = found * cfg.optim_wrapper.get('accumulative_counts', 1)
    if not base or scale.get('enable') or base in (found, of_step):
        return
    optimizer = cfg.optim_wrapper.optimizer
    yield Finding(
        WARNING, 'learning_rate', f'the learning rate {optimizer.lr:.3g} is for a batch size of '
        f'{base} in all processes together, but here it is {found}: add --auto-scale-lr, which '
        f'makes it {optimizer.lr * found / base:.3g}, or train with {base}')


def check_splits(runner: Runner) -> Iterator[Finding]:
    """Find files that training and validation share, by path and, if small, by content."""
    if runner.val_loop is None:
        return
    train, val = (
        _files(loader.dataset) for loader in (runner.train_dataloader, runner.val_dataloader))
    same = sorted(set(train) & set(val))
    pairs = [(path, path) for path in same] or list(_same_content(train, val))
    if not pairs:
        return
    first, second = pairs[0]
    how = 'are' if same else 'have the content of files'
    example = first if first == second else f'{first} is {second}'
    yield Finding(
        ERROR, 'splits', f'{len(pairs)} of {len(set(val))} files of the validation {how} in the '
        f'training data, for instance {example}: the metrics would be too good; take them out of '
        'one of the two')


def _files(dataset: Any) -> List[str]:
    """Real paths of the files of a dataset; those of a part of it, spread evenly, if it is huge."""
    step = -(-len(dataset) // _MAX_FILES)
    infos = (dataset.get_data_info(i) for i in range(0, len(dataset), step or 1))
    keys = ('img_path', 'filename', 'frame_dir')
    paths = (next((info[key] for key in keys if info.get(key)), None) for info in infos)
    return [os.path.realpath(path) for path in paths if isinstance(path, str)]


def _same_content(train: Sequence[str], val: Sequence[str]) -> Iterator[tuple]:
    """Pairs of files of a validation and a training with the same bytes."""
    sizes = _by_size(train)
    hashes: Dict[int, Dict[str, str]] = {}
    for path in dict.fromkeys(val):
        size = _size(path)
        if size not in sizes:
            continue
        if size not in hashes:
            hashes[size] = {sha256_of(other): other for other in sizes[size]}
        other = hashes[size].get(sha256_of(path))
        if other:
            yield path, other


def _by_size(paths: Sequence[str]) -> Dict[int, List[str]]:
    found: Dict[int, List[str]] = {}
    for path in dict.fromkeys(paths):
        size = _size(path)
        if size is not None:
            found.setdefault(size, []).append(path)
    return found


def _size(path: str) -> Optional[int]:
    """Bytes of a small file, None for folders, large and empty files, and those elsewhere."""
    try:
        size = Path(path).stat().st_size if Path(path).is_file() else 0
    except OSError:
        return None
    return size if 0 < size <= _MAX_HASHED else None


def check_boxes(boxes: Optional[Dict[str, int]]) -> Iterator[Finding]:
    """See whether the augmentation loses many objects."""
    if not boxes or not boxes['before']:
        return
    lost = 1 - boxes['after'] / boxes['before']
    if lost > _MAX_LOST:
        yield Finding(
            ERROR if lost == 1 else WARNING, 'boxes', f'the augmentation loses {lost:.0%} of the '
            f'boxes ({boxes["after"]} of {boxes["before"]} are left in {boxes["pictures"]} '
            'pictures): crop less, scale less, or lower the smallest size of boxes in '
            'train_pipeline')


def check_classes(num_classes: Optional[int],
                  classes: Optional[Sequence[str]]) -> Iterator[Finding]:
    """See whether the model has as many classes as the data."""
    if num_classes and classes and len(classes) != num_classes:
        yield Finding(
            ERROR, 'classes', f'the model has {num_classes} classes, but the training data '
            f'{len(classes)}: set "num_classes" of the head to {len(classes)}')
