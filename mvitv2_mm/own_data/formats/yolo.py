"""YOLO: a text file per picture with shares of its sides, and data.yaml or a list of names."""
import math
import re
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import yaml

from ...datasets.class_folders import IMAGE_SUFFIXES, is_hidden
from ...datasets.coco_format import box_of
from ...datasets.lists import read_lines
from ..folders import SPLITS, FileIndex, find_files, split_of, split_places
from ..objects import Found, RawPicture
from ..samples import Object
from .common import list_names

LOOKED_FOR = 'YOLO (data.yaml, or classes.txt beside labels/*.txt)'
_NAMES = ('classes.txt', 'obj.names', 'classes.names', 'predefined_classes.txt')
_TOLERANCE = 0.01  # share of a side by which a box may leave its picture


def find(path: Path) -> Optional[Found]:
    """The data of a YAML file, or of one in a folder, or of a folder with a list of names.

    Raises:
        ValueError: If there are several YAML files, or a file is not as it should be.
    """
    files = [path] if path.is_file() else sorted(path.iterdir())
    files = [p for p in files if p.suffix.lower() in ('.yaml', '.yml') and not is_hidden(p.name)]
    contents = {file: _read_yaml(file) for file in files}
    found = [
        p for p, content in contents.items() if isinstance(content, dict) and content.get('names')
    ]
    if len(found) > 1:
        raise ValueError(
            f'{path} has several YAML files of YOLO ({", ".join(f.name for f in found)}); name the '
            'one to use')
    if found:
        return _from_yaml(found[0], contents[found[0]])
    names = [p for name in _NAMES for p in (path / name, path / 'labels' / name) if p.is_file()]
    return _from_names(path, names[0].name, list_names(names[0])) if names else None


def _read_yaml(path: Path):
    try:
        return yaml.safe_load(path.read_text(encoding='utf-8-sig'))
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        line = f', line {mark.line + 1}' if mark else ''
        reason = getattr(error, 'problem', None) or getattr(error, 'reason', error)
        raise ValueError(f'{path}{line}: not valid YAML: {reason}') from None
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not text in UTF-8: {error.reason}') from None


def _from_yaml(file: Path, content: dict) -> Found:
    classes = _classes(file, content)
    if 'train' not in content:
        return _from_names(file.parent, file.name, classes)
    reader = _Reader(classes, file.name, bool(content.get('kpt_shape')))
    pictures = {}
    for split in ('train', 'val', 'test'):
        places = content.get(split) or (split == 'val' and content.get('valid')) or []
        files = []
        for place in [places] if isinstance(places, str) else places:
            files += _list_pictures(file, content.get('path'), str(place), split)
        pictures[split] = [reader.read(path) for path in files]
    reader.check(pictures['train'], str(file))
    notes = ['the keypoints are left out'] if content.get('kpt_shape') else []
    return Found(f'YOLO ({file.name})', str(file.parent), classes, pictures, notes + reader.notes())


def _classes(file: Path, content: dict) -> List[str]:
    names = content['names']
    if isinstance(names, dict):
        numbered = {str(number): name for number, name in names.items()}
        if set(numbered) != set(map(str, range(len(names)))):
            raise ValueError(f'{file}: "names" should be numbered from 0 to {len(names) - 1}, but '
                             f'has {", ".join(numbered)[:100]}')
        names = [numbered[str(i)] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        raise ValueError(f'{file}: "names" should be a list of the names of the classes, or a dict '
                         f'from their numbers, but is {str(names)[:100]}')
    if content.get('nc', len(names)) != len(names):
        raise ValueError(f'{file}: "nc" is {content["nc"]}, but there are {len(names)} "names"')
    return [str(name).strip() for name in names]


def _list_pictures(file: Path, base: Optional[str], place: str, split: str) -> List[Path]:
    """Pictures of a folder, or of a list of pictures, that a YAML file names."""
    place = place.replace('\\', '/')
    base = (base or '').replace('\\', '/')
    bare = re.sub(r'^(\.\./)+', '', place)  # Roboflow's ../train/images
    candidates = [file.parent / base / place, file.parent / place, file.parent / bare]
    found = next((path for path in candidates if path.exists()), None)
    if found is None and split == 'test':
        return []  # which exports name and leave out
    if found is None:
        raise ValueError(f'{file}: "{split}" is "{place}", but there is no '
                         f'{" or ".join(str(p) for p in dict.fromkeys(candidates))}')
    if found.is_dir():
        return find_files(found, IMAGE_SUFFIXES)
    return _read_list(found, found.parent)


def _read_list(file: Path, root: Path) -> List[Path]:
    """Pictures of a text file with a path per line."""
    index = FileIndex(root, IMAGE_SUFFIXES)
    return [
        index.locate(line, file.parent, noun='picture', where=f'{file}, line {number}')
        for number, line in read_lines(str(file))
    ]


def _from_names(path: Path, source: str, classes: Sequence[str]) -> Optional[Found]:
    """Pictures with a text file each, in ``images/`` and ``labels/`` or side by side."""
    reader = _Reader(classes, source)
    lists = _listed(path) or {
        split: [p for folder in folders for p in find_files(folder, IMAGE_SUFFIXES)]
        for split, folders in split_places(path).items()
    }
    if not any(label_file(p).is_file() for part in lists.values() for p in part):
        return None
    pictures = {split: [reader.read(p) for p in part] for split, part in lists.items()}
    reader.check(pictures['train'], str(path))
    return Found(f'YOLO ({source})', str(path), classes, pictures, reader.notes())


def _listed(path: Path) -> Dict[str, List[Path]]:
    """Pictures by the lists ``train.txt`` and ``valid.txt`` of Darknet, if there are such."""
    lists = {split_of(p.stem): p for p in sorted(path.glob('*.txt')) if p.stem in SPLITS}
    if 'train' not in lists:
        return {}
    lines = read_lines(str(lists['train']))
    if not lines or not lines[0][1].lower().endswith(IMAGE_SUFFIXES):
        return {}  # of labels, not of pictures alone
    return {split: _read_list(file, path) for split, file in lists.items() if split}


def label_file(picture: Path) -> Path:
    """The text file of a picture: in ``labels/`` in place of the last ``images/``, or beside it."""
    parts = list(picture.parts)
    places = [i for i, part in enumerate(parts) if part.lower() == 'images']
    if places:
        parts[places[-1]] = 'labels' if parts[places[-1]] == 'images' else 'Labels'
    return Path(*parts).with_suffix('.txt')


class _Reader:
    """Reads pictures and counts those without a text file."""

    def __init__(self, classes: Sequence[str], names: str, has_points: bool = False) -> None:
        self.classes, self.names, self.has_points = classes, names, has_points
        self.num_bare = self.num_pictures = 0
        self.folders: Dict[Path, set] = {}

    def read(self, picture: Path) -> RawPicture:
        """A picture with its objects; none if there is no text file."""
        path = label_file(picture)
        self.num_pictures += 1
        self.folders.setdefault(path.parent, set()).add(path.name)
        if not path.is_file():
            self.num_bare += 1
            return RawPicture(str(picture), [], None, str(path), True)
        objects = [self._object(line, f'{path}, line {n}') for n, line in read_lines(str(path))]
        return RawPicture(str(picture), objects, None, str(path), True)

    def check(self, pictures: List[RawPicture], where: str) -> None:
        """Raise ValueError if there is nothing to learn from, or text files lack their picture."""
        if not pictures:
            raise ValueError(f'{where} names no picture to train on')
        for folder, names in self.folders.items():
            others = {p.name for p in folder.glob('*.txt')} if folder.is_dir() else set()
            lonely = sorted(n for n in others - names
                            if folder.name.lower() == 'labels' and n not in _NAMES)
            if lonely:
                raise ValueError(f'{folder}: {len(lonely)} of {len(others)} text files have no '
                                 f'picture, the first is {lonely[0]}')

    def notes(self) -> List[str]:
        """How many pictures count as empty."""
        if not self.num_bare:
            return []
        return [
            f'{self.num_bare} of {self.num_pictures} pictures have no text file and count as '
            'pictures without objects'
        ]

    def _object(self, line: str, where: str) -> Object:
        try:
            label, *numbers = (float(n) for n in line.split())
        except ValueError:
            raise ValueError(
                f'{where}: expected a class and numbers, but got "{line[:80]}"') from None
        if label not in range(len(self.classes)):
            raise ValueError(f'{where}: class {label:g} is outside of 0..{len(self.classes) - 1} '
                             f'({self.names}); YOLO counts from 0')
        positions = numbers[:4] if self.has_points else numbers
        if not all(math.isfinite(n) and -_TOLERANCE <= n <= 1 + _TOLERANCE for n in positions):
            raise ValueError(f'{where}: positions should be shares of the sides from 0 to 1, but '
                             f'got "{line[:80]}"')
        return self._shape(int(label), numbers, line, where)

    def _shape(self, label: int, numbers: List[float], line: str, where: str) -> Object:
        if len(numbers) == 4 or (self.has_points and len(numbers) > 4):
            return Object(label, _corners(*numbers[:4]))
        if len(numbers) >= 6 and len(numbers) % 2 == 0:
            x, y, w, h = box_of([numbers])
            return Object(label, (x, y, x + w, y + h), [numbers])
        raise ValueError(f'{where}: expected "class x y width height" or a class and the points of '
                         f'a polygon, but got "{line[:80]}"')


def _corners(x: float, y: float, w: float, h: float) -> Tuple[float, float, float, float]:
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2
