"""Folders of classes: which files and folders are data, and which label a folder has."""
import os
from typing import Dict, Iterator, List, Sequence, Tuple

# what Pillow reads, AVIF where it is built with it
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.ppm', '.pgm', '.bmp', '.tif', '.tiff',
                  '.webp', '.avif', '.gif', '.jp2')
_SYSTEM = ('__MACOSX', '@eaDir', 'Thumbs.db', 'desktop.ini')


def is_hidden(path: str) -> bool:
    """Whether a relative path is, or is in, what programs leave behind: ``.ipynb_checkpoints``."""
    parts = os.fspath(path).split(os.sep)  # a PurePath takes ten times as long
    return any(part[:1] == '.' != part or part in _SYSTEM for part in parts)


def walk(folder: str) -> Iterator[Tuple[str, List[str]]]:
    """Paths of a folder and of all in it, links among them, with the sorted names of their files.

    What is hidden is left out. A folder comes once, also where a link leads back to it.
    """
    seen = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        identity = os.path.realpath(parent)
        if identity in seen:
            folders.clear()
            continue
        seen.add(identity)
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield parent, sorted(name for name in names if not is_hidden(name))


def class_names(folder: str) -> List[str]:
    """Sorted names of the folders in a folder that are not hidden; none if there is no such one."""
    if not os.path.isdir(folder):
        return []
    return sorted(e.name for e in os.scandir(folder) if e.is_dir() and not is_hidden(e.name))


def label_folders(folder: str, names: Sequence[str], classes: Sequence[str]) -> Dict[str, int]:
    """Labels of class folders by their names, which are those of classes.

    Args:
        folder (str): Where the class folders are, for messages.
        names (Sequence[str]): Their names; classes may lack one.
        classes (Sequence[str]): Names of all classes in the order of their labels.

    Raises:
        ValueError: If a folder is none of the classes.
    """
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise ValueError(
            f'{folder} has folders that are none of the {len(classes)} classes of the training: '
            f'{str(unknown)[1:-1][:200]}; move them away, or name them in "metainfo.classes" '
            f'({str(list(classes))[1:-1][:200]})')
    return {name: label for label, name in enumerate(classes) if name in set(names)}
