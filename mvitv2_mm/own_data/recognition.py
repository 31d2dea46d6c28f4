"""Which format own data has."""
import os
from collections import Counter
from pathlib import Path
from typing import Optional, Union

from ..datasets.class_folders import IMAGE_SUFFIXES, class_names, is_hidden
from ..datasets.readers import VIDEO_SUFFIXES
from .folders import find_files, split_of
from .formats import ava, class_folders, coco, labelme, lists, something, split_lists, voc, yolo
from .objects import Found
from .samples import OwnData

_ANNOTATED = (coco, labelme, yolo, voc, split_lists, something, ava)
# what is looked for where no annotations of these are found
_PLAIN = (lists, class_folders)
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
    data = read(path)
    check(data)
    return data


def read(path: Union[str, Path]) -> OwnData:
    """As :func:`recognise`, of data that need not suffice to learn from."""
    path = Path(os.path.abspath(os.path.expanduser(path)))
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist')
    if path.is_file() and path.suffix.lower() in _ARCHIVES:
        raise ValueError(f'{path} is an archive; unpack it and name the folder')
    path = _unwrap(path)
    data = _find(path)
    if data is None:
        raise ValueError(_describe_unknown(path))
    _leave_out_unlabelled(data)
    return data


def _describe_unknown(path: Path) -> str:
    looked = '; '.join(module.LOOKED_FOR for module in (*_ANNOTATED, *_PLAIN))
    held = ''
    if path.is_dir():
        count = len(find_files(path, IMAGE_SUFFIXES + VIDEO_SUFFIXES))
        held = f' It holds {count:,} pictures and videos, without labels that are known.'
        ends = Counter(file.suffix for file in find_files(path, ('', )) if file.suffix)
        if not count and ends:
            held = (f' It holds no picture or video that is read here, but files that end in '
                    f'{", ".join(end for end, _ in ends.most_common(3))}; convert pictures to JPEG '
                    'or PNG, and videos to MP4.')
    return (f'{path} is in no format that is known here.{held}{lists.hint(path)} Looked for: '
            f'{looked}. docs/datasets.md shows them ("Formats")')


def _unwrap(path: Path) -> Path:
    """The folder in a folder that holds nothing else, as archives unpack."""
    inside = [] if path.is_file() else [p for p in path.iterdir() if not is_hidden(p.name)]
    if len(inside) == 1 and class_names(str(inside[0])) and not split_of(inside[0].name):
        return _unwrap(inside[0])
    return path


def _find(path: Path) -> Optional[OwnData]:
    found = [each for each in (module.find(path) for module in _ANNOTATED) if each is not None]
    if len(found) > 1:
        kinds = ' and '.join(each.kind for each in found)
        raise ValueError(f'{path} has annotations in several formats: {kinds}; name the annotation '
                         'file itself, or move the others away')
    data = found[0] if found else lists.find(path) or class_folders.find(path)
    return data.complete() if isinstance(data, Found) else data


def check(data: OwnData) -> None:
    """Raise ValueError if nothing can be learnt from the data: one class only, too few samples."""
    if len(data.classes) < 2 and data.task != 'detection':
        raise ValueError(f'{data.root} has one class only ({", ".join(data.classes)}); telling '
                         f'classes apart needs two or more.{lists.hint(Path(data.root))}')
    double = next((name for name in data.classes if data.classes.count(name) > 1), None)
    if double is not None:
        raise ValueError(f'{data.root} has two classes "{double}"; rename one')
    counts = data.counts('train')
    empty = [name for label, name in enumerate(data.classes) if not counts[label]]
    if empty and data.task in ('image', 'video'):
        raise ValueError(f'{data.root} has no training sample of {len(empty)} of its '
                         f'{len(data.classes)} classes ({str(empty)[1:-1][:200]}); add some, or '
                         'remove the classes')
    if empty:
        data.notes.append(f'{len(empty)} of {len(data.classes)} classes do not occur in the '
                          f'training data: {", ".join(empty)[:200]}')
    note_shared(data, 'val')
    note_shared(data, 'test')


def _leave_out_unlabelled(data: OwnData) -> None:
    """Remove splits without any label, which the training data may not be."""
    for split in list(data.splits):
        if any(sample.labels() for sample in data.splits[split]):
            continue
        what = 'object' if data.task == 'detection' else 'sample of a class'
        if split == 'train':
            raise ValueError(f'{data.root} has no {what} to train on')
        data.notes.append(f'the split "{split}" has no {what} and is left out')
        del data.splits[split]


def note_shared(data: OwnData, split: str) -> None:
    """Note samples of a split that are training samples, too."""
    train = {sample.path for sample in data.splits['train']}
    samples = data.splits.get(split, ())
    shared = sum(sample.path in train for sample in samples)
    if shared:
        data.notes.append(f'{shared} of {len(samples)} samples of the split "{split}" are training '
                          'samples, too, so that its results are too good')
