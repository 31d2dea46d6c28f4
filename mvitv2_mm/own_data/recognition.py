"""Which format own data has."""
import os
from collections import Counter
from pathlib import Path
from typing import Union

from .formats import class_folders, coco
from .objects import Found
from .samples import OwnData

# annotations say more than folders, which come last
_ANNOTATED = (coco, )
_FORMATS = (*_ANNOTATED, class_folders)
_ARCHIVES = ('.zip', '.tar', '.gz', '.tgz', '.7z', '.rar', '.bz2', '.xz')


def recognise(path: Union[str, Path]) -> OwnData:
    """Read own data in whatever known format it is; no file is changed.

    Args:
        path (str | Path): A folder, or an annotation file.

    Raises:
        FileNotFoundError: If there is nothing at ``path``.
        ValueError: If it is in no known format or in several, or broken, or nothing can be learnt
            from it.
    """
    path = Path(os.path.abspath(os.path.expanduser(path)))
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist')
    if path.is_file() and path.suffix.lower() in _ARCHIVES:
        raise ValueError(f'{path} is an archive; unpack it and name the folder')
    data = _find(path)
    if data is None and path.is_dir():
        inner = [entry for entry in path.iterdir() if not entry.name.startswith('.')]
        data = _find(inner[0]) if len(inner) == 1 and inner[0].is_dir() else None
    if data is None:
        looked = '; '.join(module.LOOKED_FOR for module in _FORMATS)
        raise ValueError(f'{path} is in no format that is known here. Looked for: {looked}. '
                         'docs/datasets.md shows them ("Formats")')
    check(data)
    return data


def _find(path: Path):
    found = [each for each in (module.find(path) for module in _ANNOTATED) if each is not None]
    if len(found) > 1:
        kinds = ' and '.join(each.kind for each in found)
        raise ValueError(f'{path} has annotations in several formats: {kinds}; name the annotation '
                         'file itself, or move the others away')
    data = found[0] if found else class_folders.find(path)
    return data.complete() if isinstance(data, Found) else data


def check(data: OwnData) -> None:
    """Raise ValueError if nothing can be learnt from the data: one class only, too few samples."""
    if len(data.classes) < 2 and data.task != 'detection':
        raise ValueError(f'{data.root} has one class only ({", ".join(data.classes)}); telling '
                         'classes apart needs two or more')
    for split, samples in data.splits.items():
        if not any(sample.labels() for sample in samples):
            what = 'object' if data.task == 'detection' else 'sample'
            raise ValueError(f'{data.root} has no {what} in its split "{split}"')
    counts: Counter = data.counts('train')
    empty = [name for label, name in enumerate(data.classes) if not counts[label]]
    if empty and data.task in ('image', 'video'):
        raise ValueError(f'{data.root} has no training sample of {len(empty)} of its '
                         f'{len(data.classes)} classes ({str(empty)[1:-1][:200]}); add some, or '
                         'remove the classes')
    if empty:
        data.notes.append(f'{len(empty)} of {len(data.classes)} classes do not occur in the '
                          f'training data: {", ".join(empty)[:200]}')
