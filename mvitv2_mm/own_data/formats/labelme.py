"""LabelMe's JSON beside each picture."""
import base64
import binascii
import io
import math
from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from PIL import Image

from ...datasets.class_folders import IMAGE_SUFFIXES
from ...datasets.coco_format import box_of, encode_mask
from ...datasets.json_files import ID, NUMBER, read_json
from ..folders import FileIndex, find_files, split_folders
from ..objects import Found, RawPicture
from ..samples import Object
from .common import NO_CLASS, check_entry, check_new_classes, list_names, starts_with

LOOKED_FOR = "LabelMe's JSON beside each picture"
_LOOKED_AT = 5  # files that tell whether a folder is LabelMe's


def find(path: Path) -> Optional[Found]:
    """The pictures of a folder that have a JSON file of LabelMe; None if none has.

    Raises:
        ValueError: If a file or a shape is not as it should be, or its picture is missing.
    """
    if not path.is_dir():
        return None
    splits = split_folders(path)
    splits = splits if 'train' in splits else dict(train=path)
    files = {split: find_files(folder, ('.json', )) for split, folder in splits.items()}
    few = [file for part in files.values() for file in part][:_LOOKED_AT]
    if not any(_is_labelme(file) for file in few):
        return None
    contents = {split: _read_all(part) for split, part in files.items()}
    for part in contents.values():
        for file, content in part.items():
            _check(file, content)
    names = {split: _names(part) for split, part in contents.items()}
    classes = list_names(path / 'labels.txt') or sorted(names['train'])
    classes = [name for name in classes if name not in NO_CLASS]
    for split in splits:
        check_new_classes(classes, names[split], str(splits[split]))
    reader = _Reader(classes, FileIndex(path, IMAGE_SUFFIXES))
    pictures = {
        split: [reader.read(file, content) for file, content in part.items()]
        for split, part in contents.items()
    }
    return Found("LabelMe's JSON", str(path), classes, pictures, reader.notes(pictures))


def _is_labelme(file: Path) -> bool:
    return starts_with(file, r'\s*\{.*"shapes"\s*:\s*\[')


def _check(file: Path, content: dict) -> None:
    sizes = dict(imageWidth=NUMBER, imageHeight=NUMBER)
    check_entry(content, str(file), dict(shapes=(list, )), dict(sizes, imagePath=(str, )))
    for number, shape in enumerate(content['shapes']):
        check_entry(shape, f'{file}, shapes[{number}]', dict(label=ID, points=(list, )),
                    dict(shape_type=(str, ), group_id=ID, mask=(str, )))


def _read_all(files: Sequence[Path]) -> Dict[Path, dict]:
    """Contents of the files of LabelMe, without the pictures as text."""
    contents = {}
    for file in filter(_is_labelme, files):
        contents[file] = read_json(file)
        contents[file].pop('imageData', None)
    return contents


def _names(contents: Dict[Path, dict]) -> List[str]:
    labels = {str(s['label']) for c in contents.values() for s in c['shapes'] if _covers(s)}
    return sorted(labels - set(NO_CLASS))


def _covers(shape: dict) -> bool:
    """Whether a shape has an area; points and lines are no objects."""
    return (shape.get('shape_type') or 'polygon') in _OUTLINES or shape['shape_type'] == 'mask'


class _Reader:
    """Reads files and counts what is left out."""

    def __init__(self, classes: Sequence[str], index: FileIndex) -> None:
        self.label = {name: i for i, name in enumerate(classes)}
        self.index = index
        self.left_out: Counter = Counter()
        self.num_rectangles = 0

    def read(self, file: Path, content: dict) -> RawPicture:
        """A picture with its objects; shapes of one group are one object."""
        stated = (int(content.get('imageWidth') or 0), int(content.get('imageHeight') or 0))
        groups: Dict[tuple, List[dict]] = {}
        for number, shape in enumerate(content['shapes'], 1):
            name, group = str(shape['label']), shape.get('group_id')
            if not _covers(shape) or name in NO_CLASS:
                self.left_out[name if name in NO_CLASS else shape.get('shape_type')] += 1
            else:
                key = (name, number) if group is None else (name, 'group', group)
                groups.setdefault(key, []).append(shape)
        objects = [
            self._object(key[0], shapes, stated, str(file)) for key, shapes in groups.items()
        ]
        return RawPicture(str(self._picture(file, content)), objects, stated, str(file))

    def _picture(self, file: Path, content: dict) -> Path:
        name = str(content.get('imagePath') or '')
        path = (name and self.index.find(name, file.parent)) or self.index.find(
            file.stem, file.parent)
        if path is None:
            raise ValueError(f'{file}: its picture "{name}" is not below {self.index.folder}')
        return path

    def _object(self, name: str, shapes: List[dict], stated: Tuple[int, int], where: str) -> Object:
        if len(shapes) == 1 and shapes[0].get('shape_type') == 'mask':
            mask = _bitmap(shapes[0], stated, where)
        else:
            mask = [_outline(shape, where) for shape in shapes]
        self.num_rectangles += all(s.get('shape_type') == 'rectangle' for s in shapes)
        x, y, w, h = box_of(mask)
        return Object(self.label[name], (x, y, x + w, y + h), mask)

    def notes(self, pictures: Dict[str, List[RawPicture]]) -> List[str]:
        """What was left out, and how rectangles count; takes masks from data of rectangles only."""
        notes = [
            f'{count} shapes "{name}" have no area or are to be ignored, and are left out'
            for name, count in self.left_out.items()
        ]
        total = sum(len(picture.objects) for part in pictures.values() for picture in part)
        if total and self.num_rectangles == total:
            for split, part in pictures.items():
                pictures[split] = [
                    p._replace(objects=[obj._replace(mask=None) for obj in p.objects]) for p in part
                ]
        elif self.num_rectangles:
            notes.append(f'{self.num_rectangles} of {total} objects are rectangles; beside the '
                         "outlines of the others they count as masks, as in LabelMe's own "
                         'converter')
        return notes


def _outline(shape: dict, where: str) -> List[float]:
    """The polygon x1, y1, x2, y2, ... of a shape."""
    kind = shape.get('shape_type') or 'polygon'
    if kind not in _OUTLINES:
        raise ValueError(f'{where}: a shape "{kind}" of "{shape["label"]}" is in one group with '
                         'others; give it a group of its own')
    try:
        points = [(float(x), float(y)) for x, y in shape['points']]
        polygon = _OUTLINES[kind](points)
        if len(polygon) < 3 or not all(map(math.isfinite, sum(points, ()))):
            raise ValueError
    except (ArithmeticError, IndexError, TypeError, ValueError):
        raise ValueError(f'{where}: the {kind} "{shape["label"]}" has the points '
                         f'{str(shape.get("points"))[:100]}') from None
    return [n for point in polygon for n in point]


def _rectangle(points: List[Tuple[float, float]]) -> List[Tuple[float, float]]:
    (x1, y1), (x2, y2) = points[0], points[1 if len(points) == 2 else 2]
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def _circle(points: List[Tuple[float, float]]) -> List[Tuple[float, float]]:
    """A polygon that leaves the circle by less than a pixel."""
    (x, y), (edge_x, edge_y) = points
    radius = math.hypot(edge_x - x, edge_y - y)
    count = max(12, math.ceil(math.pi / math.acos(max(0, 1 - 1 / radius))))
    angles = [2 * math.pi * i / count for i in range(count)]
    return [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]


_OUTLINES = {
    'polygon': lambda points: points,
    'rectangle': _rectangle,
    'oriented_rectangle': lambda points: points,
    'rotation': lambda points: points,
    'circle': _circle,
}


def _bitmap(shape: dict, stated: Tuple[int, int], where: str) -> dict:
    """The run-length code of a shape that is a picture placed at its first point."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(shape['mask']))) as image:
            part = np.asarray(image) > 0
        (x, y), _ = shape['points']
    except (KeyError, TypeError, ValueError, binascii.Error, OSError):
        raise ValueError(f'{where}: the mask of "{shape["label"]}" cannot be read') from None
    whole = np.zeros(stated[::-1], np.uint8)
    place = whole[int(y):int(y) + part.shape[0], int(x):int(x) + part.shape[1]]
    if place.shape != part.shape:
        raise ValueError(f'{where}: the mask of "{shape["label"]}" leaves its picture')
    place[...] = part
    return encode_mask(whole)
