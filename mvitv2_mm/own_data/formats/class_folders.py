"""Pictures or clips in one folder per class."""
from pathlib import Path
from typing import Dict, List, Optional

from ...datasets.class_folders import IMAGE_SUFFIXES, class_names, is_hidden
from ...datasets.readers import VIDEO_SUFFIXES
from ..folders import SPLITS, find_files, media_task, split_folders
from ..samples import OwnData, Sample
from .common import check_new_classes

LOOKED_FOR = 'pictures or clips in one folder per class (CLASS/..., or train/CLASS/..., val/...)'
_NOT_CLASSES = {'images', 'imgs', 'labels', 'annotations', 'jpegimages', 'videos', 'frames'}


def find(path: Path) -> Optional[OwnData]:
    """Read a folder of class folders, with or without folders of splits; None if it is none.

    Raises:
        ValueError: If there are both pictures and videos, or a split has a class that the training
            does not have.
    """
    if not path.is_dir():
        return None
    splits = split_folders(path)
    if 'train' not in splits or not class_names(str(splits['train'])):
        splits = dict(train=path)  # one of its classes may be called "train"
    found = {split: _find(folder) for split, folder in splits.items()}
    task = media_task(
        [file for files in found.values() for part in files.values() for file in part], path)
    classes = tuple(found['train'])
    if task is None or {name.lower() for name in classes} <= _NOT_CLASSES | set(SPLITS):
        return None
    samples = {}
    for split, files in found.items():
        check_new_classes(classes, [name for name, part in files.items() if part],
                          str(splits[split]))
        samples[split] = tuple(
            Sample(str(file), label) for label, name in enumerate(classes)
            for file in files.get(name, ()))
    noun = 'pictures' if task == 'image' else 'clips'
    notes = _notes(splits)
    return OwnData(task, f'{noun} in one folder per class', str(path), classes, samples, notes)


def _find(folder: Path) -> Dict[str, List[Path]]:
    suffixes = IMAGE_SUFFIXES + VIDEO_SUFFIXES
    return {name: find_files(folder / name, suffixes) for name in class_names(str(folder))}


def _notes(splits: Dict[str, Path]) -> List[str]:
    """What of the folders is left out: files beside the classes, and of other types."""
    media = IMAGE_SUFFIXES + VIDEO_SUFFIXES
    notes = []
    for folder in splits.values():
        loose = [
            p.name for p in sorted(folder.iterdir())
            if p.is_file() and p.suffix.lower() in media and not is_hidden(p.name)
        ]
        if loose:
            notes.append(f'{len(loose)} files of {folder} lie in no class folder and are left out, '
                         f'the first is {loose[0]}')
        others = [
            p for name in class_names(str(folder)) for p in find_files(folder / name, ('', ))
            if p.suffix.lower() not in media
        ]
        if others:
            notes.append(
                f'{len(others)} files of {folder} are neither pictures nor videos that can '
                f'be read, the first is {others[0]}')
    return notes
