"""Something-Something: JSON lists of clips with a template that names their class."""
from pathlib import Path
from typing import Dict, List, Optional

from ...datasets.json_files import ID, read_json
from ...datasets.lists import number_names
from ...datasets.readers import VIDEO_SUFFIXES
from ..folders import FileIndex, in_order, split_of
from ..samples import OwnData, Sample
from .common import check_entry, check_new_classes, starts_with

LOOKED_FOR = ("Something-Something's JSON (train.json, validation.json, labels.json beside "
              'videos/*.webm)')


def find(path: Path) -> Optional[OwnData]:
    """The clips that lists of a folder, or of its folder ``labels`` or ``annotations``, name.

    Raises:
        ValueError: If an entry has no template, or one that is none of the classes, or its clip is
            missing.
    """
    files = _files(path) if path.is_dir() else {}
    if 'train' not in files or not starts_with(files['train'], r'\s*\['):
        return None
    contents = {split: read_json(file) for split, file in in_order(files).items()}
    entries = {split: content for split, content in contents.items() if _is_list(content)}
    if 'train' not in entries:
        return None
    notes = [
        f'{files[s].name} has no classes and is left out' for s in contents if s not in entries
    ]
    names = {s: [_class(e, i, files[s]) for i, e in enumerate(part)] for s, part in entries.items()}
    classes = _classes(files['train'].parent, names['train'])
    for split in entries:
        check_new_classes(classes, names[split], str(files[split]))
    label = number_names(classes)
    index = FileIndex(path, VIDEO_SUFFIXES)
    splits = {
        split:
        tuple(
            Sample(_clip(entry, files[split], index), label[name])
            for entry, name in zip(part, names[split]))
        for split, part in entries.items()
    }
    kind = f"Something-Something's JSON ({files['train'].name})"
    return OwnData('video', kind, str(path), tuple(classes), splits, notes)


def _files(path: Path) -> Dict[str, Path]:
    """The JSON file of each split."""
    folders = (path, path / 'labels', path / 'annotations')
    files = [file for folder in folders for file in sorted(folder.glob('*.json'))]
    return {split_of(file.stem): file for file in files if split_of(file.stem)}


def _is_list(content) -> bool:
    return (isinstance(content, list) and bool(content) and isinstance(content[0], dict)
            and 'id' in content[0] and bool({'template', 'label'} & set(content[0])))


def _class(entry: dict, number: int, file: Path) -> str:
    """The template without the brackets that mark places for things."""
    key = 'template' if isinstance(entry, dict) and 'template' in entry else 'label'
    check_entry(entry, f'{file}, entry {number}', {'id': ID, key: (str, )})
    return _plain(entry[key])


def _plain(template: str) -> str:
    return template.replace('[', '').replace(']', '').strip()


def _classes(folder: Path, names: List[str]) -> List[str]:
    """Names in the order of the file of labels, else sorted."""
    for file in sorted(folder.glob('*labels.json')):
        numbers: Dict[str, str] = read_json(file)
        if isinstance(numbers, dict) and all(str(n).isdigit() for n in numbers.values()):
            return [_plain(name) for name in sorted(numbers, key=lambda name: int(numbers[name]))]
        raise ValueError(f'{file} should be a dict from templates to numbers from 0')
    return sorted(set(names))


def _clip(entry: dict, file: Path, index: FileIndex) -> str:
    return str(index.locate(str(entry['id']), noun='clip', where=str(file)))
