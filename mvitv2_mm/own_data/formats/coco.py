"""COCO JSON as CVAT, Label Studio, Roboflow, LabelMe's converter and COCO itself lay it out."""
import json
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from ...datasets.class_folders import IMAGE_SUFFIXES, is_hidden
from ...datasets.coco_format import are_numbers, box_of, read_mask
from ...datasets.json_files import ID, NUMBER, read_json
from ..folders import FileIndex, folders_of, split_folders, split_of
from ..objects import Found, RawPicture
from ..samples import Object
from .common import NO_CLASS, check_entry, check_new_classes

LOOKED_FOR = ('COCO JSON (annotations/*.json, train.json, train/_annotations.coco.json, '
              'result.json, annotations.json)')
# needed and optional values of the entries of each list, with their types
_ENTRIES = {
    'images': (dict(id=ID, file_name=(str, )), dict(width=NUMBER, height=NUMBER)),
    'annotations':
    (dict(image_id=ID,
          category_id=ID), dict(bbox=(list, ), segmentation=(list, dict), area=NUMBER, iscrowd=ID)),
    'categories': (dict(id=ID, name=ID), {}),
}


def find(path: Path) -> Optional[Found]:
    """The data of a JSON file, or of the JSON files in the usual places of a folder.

    Raises:
        ValueError: If two files could be the same split, or a file is not as it should be.
    """
    contents = {file: read_json(file) for file in _candidates(path)}
    contents = {file: content for file, content in contents.items() if _is_coco(content)}
    root = path if path.is_dir() else path.parent
    if path.is_file() and root.name == 'annotations':
        root = root.parent
    contents = _complete(contents, root)
    if not contents:
        return None
    for file, content in contents.items():
        _check(file, content)
    splits = _by_split(list(contents), root)
    index = FileIndex(root, IMAGE_SUFFIXES)
    parts = {split: (file, contents[file]) for split, file in splits.items()}
    classes, notes = _classes(parts)
    pictures = {}
    for split, (file, content) in parts.items():
        if content['annotations'] or split != 'test':
            folders = (file.parent, *folders_of(root,
                                                _split_of(file, root) or split), root / 'images')
            pictures[split] = _Reader(file, content, classes, index, folders).read()
        else:
            notes.append(f'{file} has no annotations and is left out')
    return Found(f'COCO JSON ({", ".join(f.name for f in splits.values())})', str(root), classes,
                 pictures, notes)


def _candidates(path: Path) -> List[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == '.json' else []
    folders = [path, path / 'annotations', path / 'Annotations', *split_folders(path).values()]
    files = []
    for folder in folders:
        names = {p.stem for p in folder.glob('*') if p.suffix.lower() in IMAGE_SUFFIXES}
        # one beside a picture of the same name is LabelMe's
        files += [p for p in sorted(folder.glob('*.json')) if p.stem not in names]
    return list({f.resolve(): f for f in files if not is_hidden(f.name)}.values())


def _is_coco(content) -> bool:
    """Whether a file has at least two of the three lists."""
    return isinstance(content, dict) and len(_lacks(content)) < 2


def _lacks(content: dict) -> List[str]:
    return [key for key in _ENTRIES if not isinstance(content.get(key), list)]


def _complete(contents: Dict[Path, dict], root: Path) -> Dict[Path, dict]:
    """The files with all lists.

    Captions have no categories, and pictures to be tested no annotations. A split of which there is
    nothing else, and which is not for the test, is an error.
    """
    complete = {file: content for file, content in contents.items() if not _lacks(content)}
    known = {'test', *(_split_of(file, root) for file in complete)}
    for file, content in contents.items():
        if _lacks(content) and _split_of(file, root) not in known:
            raise ValueError(f'{file} has no list "{_lacks(content)[0]}"; COCO JSON has the lists '
                             f'{", ".join(_ENTRIES)}')
    return complete


def _check(file: Path, content: dict) -> None:
    for name, (needed, optional) in _ENTRIES.items():
        for number, entry in enumerate(content[name]):
            check_entry(entry, f'{file}, {name}[{number}]', needed, optional)


def _by_split(files: List[Path], root: Path) -> Dict[str, Path]:
    """The file of each split by its name or folder; a single other one is the training data."""
    found: Dict[str, List[Path]] = {}
    for file in files:
        found.setdefault(_split_of(file, root), []).append(file)
    if len(files) == 1:
        found = dict(train=files)
    chosen = {}
    for split in ('train', 'val', 'test', ''):
        # COCO has files of keypoints beside
        several = found.get(split, [])
        instances = [file for file in several if file.name.startswith('instances')]
        several = instances if len(instances) == 1 else several
        if len(several) > 1 or (several and not split):
            names = ', '.join(str(file.relative_to(root)) for file in files)
            raise ValueError(
                f'{root} has several COCO files ({names[:200]}); name the one to train '
                'on, and with --val the one to validate on')
        if several:
            chosen[split] = several[0]
    if 'train' not in chosen:
        raise ValueError(f'{root} has COCO files of {", ".join(chosen)} alone; name the one to '
                         'train on')
    return chosen


def _split_of(file: Path, root: Path) -> str:
    parts = (file.stem, *(p.name for p in file.parents if root in p.parents))
    return next((split for split in map(split_of, parts) if split), '')


def _classes(parts: Dict[str, Tuple[Path, dict]]) -> Tuple[List[str], List[str]]:
    """Names of the classes, as the training file lists them, and notes."""
    file, content = parts['train']
    names, notes = [], []
    for category in content['categories']:
        name = _name(category)
        if _is_no_class(category, parts):
            notes.append(f'the category "{name}", which has no object and stands for the group of '
                         'all or the background, is left out')
        else:
            names.append(name)
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ValueError(f'{file} has two categories "{double[0]}"; rename one')
    return names, notes


def _is_no_class(category: dict, parts: Dict[str, Tuple[Path, dict]]) -> bool:
    """Whether a category without objects is Roboflow's group of all, or LabelMe's background."""
    others = [c for c in parts['train'][1]['categories'] if c is not category]
    is_group = bool(others) and all(c.get('supercategory') == category['name'] for c in others)
    return (is_group or category['name'] in NO_CLASS) and not any(
        annotation.get('category_id') == category['id'] for _, content in parts.values()
        for annotation in content['annotations'])


def _name(category: dict) -> str:
    return str(category['name']).strip()


class _Reader:
    """Reads the pictures of one file."""

    def __init__(self, file: Path, content: dict, classes: Sequence[str], index: FileIndex,
                 folders: Sequence[Path]) -> None:
        self.file, self.content, self.index, self.folders = file, content, index, folders
        label = {name: i for i, name in enumerate(classes)}
        names = {category['id']: _name(category) for category in content['categories']}
        used = {names.get(a['category_id']) for a in content['annotations']} - {None}
        check_new_classes(classes, used, str(file))
        self.labels = {i: label[name] for i, name in names.items() if name in label}

    def read(self) -> List[RawPicture]:
        objects: Dict[object, List[Object]] = {}
        for image in self.content['images']:
            if image['id'] in objects:
                raise ValueError(f'{self.file}: two images have the id {image["id"]}')
            objects[image['id']] = []
        for number, annotation in enumerate(self.content['annotations']):
            where = f'{self.file}, annotation {annotation.get("id", f"number {number + 1}")}'
            if annotation['image_id'] not in objects:
                raise ValueError(
                    f'{where}: "image_id" {json.dumps(annotation["image_id"])} is no id '
                    'in "images"')
            objects[annotation['image_id']].append(self._object(annotation, where))
        return [
            RawPicture(
                str(path),
                objects[image['id']], (int(image.get('width') or 0), int(image.get('height') or 0)),
                str(self.file)) for image, path in zip(self.content['images'], self._paths())
        ]

    def _paths(self) -> List[Path]:
        names = [image['file_name'] for image in self.content['images']]
        paths = [self.index.find(name, *self.folders) for name in names]
        missing = [name for name, path in zip(names, paths) if path is None]
        if missing:
            raise ValueError(f'{self.file}: {len(missing)} of {len(names)} pictures are not below '
                             f'{self.index.folder}, the first is "{missing[0]}"')
        return paths

    def _object(self, annotation: dict, where: str) -> Object:
        if annotation['category_id'] not in self.labels:
            known = json.dumps(list(self.labels))[1:-1]
            raise ValueError(
                f'{where}: "category_id" {json.dumps(annotation["category_id"])} is no '
                f'id in "categories" ({known[:100]})')
        try:
            mask = read_mask(annotation.get('segmentation'))
        except ValueError as error:
            raise ValueError(f'{where}: {error}') from None
        box = annotation.get('bbox') or (box_of(mask) if mask else None)
        if not isinstance(box, list) or len(box) != 4 or not are_numbers(box):
            raise ValueError(f'{where}: "bbox" should be four numbers x, y, width, height, but is '
                             f'{json.dumps(box)[:80]}')
        x, y, w, h = box
        if w < 0 or h < 0:
            raise ValueError(f'{where}: bbox {list(box)} has a negative side; the order is x, y, '
                             'width, height')
        return Object(self.labels[annotation['category_id']], (x, y, x + w, y + h), mask,
                      bool(annotation.get('iscrowd')),
                      annotation.get('area') or None)
