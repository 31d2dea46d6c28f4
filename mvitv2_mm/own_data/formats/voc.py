"""Pascal VOC: an XML file per picture."""
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from ...datasets.class_folders import IMAGE_SUFFIXES
from ...datasets.lists import number_names, read_lines
from ..folders import FileIndex, find_files, split_places
from ..objects import Found, RawPicture
from ..samples import Object
from .common import check_new_classes, list_names

LOOKED_FOR = 'Pascal VOC (XML beside the pictures, or Annotations/*.xml and JPEGImages/)'
_LOOKED_AT = 5  # files that tell whether a folder is VOC's


def find(path: Path) -> Optional[Found]:
    """The pictures of a folder that have an XML file of Pascal VOC; None if none has.

    Raises:
        ValueError: If a file is not as it should be, or its picture is missing.
    """
    files = find_files(path, ('.xml', )) if path.is_dir() else []
    if not any(_parse(file).tag == 'annotation' for file in files[:_LOOKED_AT]):
        return None
    trees = {file: _parse(file) for file in files}
    trees = {file: tree for file, tree in trees.items() if tree.tag == 'annotation'}
    splits = _splits(path, list(trees))
    names = {
        split: {_name(obj, f)
                for f in part
                for obj in trees[f].iter('object')}
        for split, part in splits.items()
    }
    classes = list_names(path / 'labelmap.txt', separator=':') or sorted(names['train'])
    classes = [name for name in classes if name != 'background']
    for split in splits:
        check_new_classes(classes, names[split], f'the split "{split}" of {path}')
    index, label = FileIndex(path, IMAGE_SUFFIXES), number_names(classes)
    pictures = {
        split: [_read(file, trees[file], label, index) for file in part]
        for split, part in splits.items()
    }
    masks = [folder for folder in path.rglob('SegmentationObject') if any(folder.iterdir())]
    notes = [
        f'{folder} holds masks, which are not read; export COCO JSON to train on them'
        for folder in masks
    ]
    return Found('Pascal VOC', str(path), classes, pictures, notes)


def _parse(file: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f'{file}, line {error.position[0]}: not valid XML: {error}') from None


def _splits(root: Path, files: Sequence[Path]) -> Dict[str, List[Path]]:
    """Files of each split by ``ImageSets/Main/train.txt``, else by their folders."""
    by_stem = {file.stem: file for file in files}
    found: Dict[str, List[Path]] = {}
    for file in sorted(root.rglob('ImageSets/Main/*.txt')):  # of several years
        if file.stem in ('train', 'val', 'test', 'trainval', 'default'):
            found.setdefault(file.stem, []).extend(_listed(file, by_stem))
    whole = found.pop('default', []) or found.pop('trainval', [])
    found.setdefault('train', whole)
    if found['train']:
        return {split: found[split] for split in ('train', 'val', 'test') if found.get(split)}
    return {
        split: [file for file in files if set(folders) & set(file.parents)]
        for split, folders in split_places(root).items()
    }


def _listed(file: Path, by_stem: Dict[str, Path]) -> List[Path]:
    found = []
    for number, line in read_lines(str(file)):
        stem = line.replace('\\', '/').split('/')[-1]
        path = by_stem.get(stem) or by_stem.get(stem.rsplit('.', 1)[0])
        if path is None:
            raise ValueError(f'{file}, line {number}: there is no XML file for "{line[:100]}"')
        found.append(path)
    return found


def _name(obj: ElementTree.Element, file: Path) -> str:
    name = (obj.findtext('name') or '').strip()
    if not name:
        raise ValueError(f'{file}: an object has no <name>')
    return name


def _read(file: Path, tree: ElementTree.Element, label: Dict[str, int],
          index: FileIndex) -> RawPicture:
    name = (tree.findtext('filename') or '').strip()
    near = (file.parent, file.parent.parent / 'JPEGImages', file.parent.parent / 'images')
    path = (name and index.find(name, *near)) or index.find(file.stem, *near)
    if path is None:
        raise ValueError(f'{file}: its picture "{name}" is not below {index.folder}')
    try:
        stated = tuple(int(float(tree.findtext(f'size/{k}') or 0)) for k in ('width', 'height'))
        objects = [
            Object(label[_name(obj, file)], _box(obj), _polygon(obj),
                   (obj.findtext('difficult') or '0').strip() == '1') for obj in tree.iter('object')
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{file}: a size, box or outline is not as it should be: {error}') from None
    return RawPicture(str(path), objects, stated, str(file))


def _box(obj: ElementTree.Element) -> Tuple[float, ...]:
    sides = [obj.findtext(f'bndbox/{side}') for side in ('xmin', 'ymin', 'xmax', 'ymax')]
    if None in sides:
        raise ValueError('an object has no <bndbox> with xmin, ymin, xmax and ymax')
    x1, y1, x2, y2 = map(float, sides)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _polygon(obj: ElementTree.Element) -> Optional[List[List[float]]]:
    """The outline that Roboflow writes beside the box: x1, y1, x2, y2, ..."""
    outline = obj.find('polygon')
    if outline is None:
        return None
    values = {point.tag: float(point.text) for point in outline}
    numbers = [values[f'{axis}{i}'] for i in range(1, len(values) // 2 + 1) for axis in 'xy']
    return [numbers] if len(numbers) >= 6 else None
