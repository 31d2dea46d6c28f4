"""Detection data in COCO's format, LVIS among it."""
import json
import math
import os.path as osp
from typing import Dict, List, Optional, Tuple

from .media import Image, Item
from .report import SplitReport

_TOLERANCE = 1.  # pixels by which a box may leave its picture
_NEEDED = {
    'images': ('id', 'height', 'width'),
    'categories': ('id', 'name'),
    'annotations': ('id', 'image_id', 'category_id', 'bbox'),
}


def scan_coco(dataset: dict, num_classes: Optional[int], report: SplitReport) -> List[Item]:
    """Pictures of a dataset of mmdet's ``CocoDataset`` or ``LVISV1Dataset``."""
    root = dataset.get('data_root') or ''
    path = osp.join(root, dataset['ann_file'])
    folder = osp.join(root, (dataset.get('data_prefix') or {}).get('img', ''))
    content = _load(path, report)
    if not osp.isdir(folder):
        report.add('layout', folder, 'no such folder')
        return []
    if content is None:
        return []
    tables = {name: _index(path, name, content[name], report) for name in _NEEDED}
    _check_categories(path, tables['categories'], dataset, num_classes, report)
    _check_annotations(path, tables, report)
    items = []
    for image in tables['images'].values():
        name = _file_name(image)
        if name is None:
            report.add('annotation', f'{path}, image {image["id"]}', 'has no "file_name"')
        else:
            items.append(Image(osp.join(folder, name), (image['height'], image['width'])))
    report.samples = len(items)
    return items


def _file_name(image: dict) -> Optional[str]:
    """LVIS v1 has no ``file_name``; the end of ``coco_url`` is the path inside of COCO."""
    if 'file_name' in image:
        return image['file_name']
    return '/'.join(image['coco_url'].split('/')[-2:]) if 'coco_url' in image else None


def _load(path: str, report: SplitReport) -> Optional[dict]:
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
    except FileNotFoundError:
        report.add('layout', path, 'no such annotation file')
        return None
    except (OSError, ValueError) as error:
        report.add('annotation', path, f'is not valid JSON: {error}')
        return None
    lacking = [
        name for name in _NEEDED
        if not isinstance(content, dict) or not isinstance(content.get(name), list)
    ]
    if lacking:
        report.add('annotation', path, f'has no list {", ".join(lacking)}: not in COCO format')
        return None
    for name in _NEEDED:
        if not content[name]:
            report.add('annotation', path, f'"{name}" is empty')
    return content


def _index(path: str, name: str, entries: List[dict], report: SplitReport) -> Dict[int, dict]:
    """Entries by id, without those that lack a key or repeat an id."""
    table: Dict[int, dict] = {}
    for i, entry in enumerate(entries):
        where = f'{path}, {name}[{i}]'
        lacking = [key for key in _NEEDED[name] if key not in entry]
        if lacking:
            report.add('annotation', where, f'has no {", ".join(lacking)}')
        elif entry['id'] in table:
            report.add('annotation', where, f'repeats the id {entry["id"]}')
        else:
            table[entry['id']] = entry
    return table


def _check_categories(path: str, categories: Dict[int, dict], dataset: dict,
                      num_classes: Optional[int], report: SplitReport) -> None:
    names = [category['name'] for category in categories.values()]
    report.classes = tuple(names)
    wanted = (dataset.get('metainfo') or {}).get('classes')
    if wanted is not None:
        for name in [name for name in wanted if name not in names]:
            report.add('label', path, f'has no category "{name}", which metainfo.classes of the '
                       'config names')
        for name in [name for name in names if name not in wanted]:
            report.add('ignored', path, f'category "{name}" is not in metainfo.classes of the '
                       'config')
    elif num_classes is not None and len(names) != num_classes:
        report.add('label', path, f'{len(names)} categories, but {num_classes} are expected')


def _check_annotations(path: str, tables: Dict[str, Dict[int, dict]], report: SplitReport) -> None:
    images, categories = tables['images'], tables['categories']
    report.objects = len(tables['annotations'])
    for annotation in tables['annotations'].values():
        where = f'{path}, annotation {annotation["id"]}'
        if annotation['image_id'] not in images:
            report.add('annotation', where, f'unknown image_id {annotation["image_id"]}')
        elif annotation['category_id'] not in categories:
            report.add('label', where, f'unknown category_id {annotation["category_id"]}')
        else:
            image = images[annotation['image_id']]
            fault = (
                _box_fault(annotation['bbox'], image['height'], image['width'])
                or _mask_fault(annotation.get('segmentation')))
            if fault:
                report.add(fault[0], where, fault[1])
    used = {annotation['image_id'] for annotation in tables['annotations'].values()}
    empty = len(set(images) - used)
    if images and empty:
        report.add('ignored', path, f'{empty} of {len(images)} pictures have no object')


def _box_fault(box: list, height: int, width: int) -> Optional[Tuple[str, str]]:
    """Kind and description of what is wrong with a box (x, y, w, h), or None."""
    if not isinstance(box, list) or len(box) != 4 or not all(
            isinstance(n, (int, float)) and math.isfinite(n) for n in box):
        return 'box', f'"bbox" should be four numbers x, y, w, h, but is {str(box)[:80]}'
    x, y, w, h = box
    if w < 0 or h < 0:
        return 'box', f'bbox {box} has a negative side; the order is x, y, width, height'
    if min(x, y) < -_TOLERANCE or x + w > width + _TOLERANCE or y + h > height + _TOLERANCE:
        return 'box', f'bbox {box} leaves its picture of {width} x {height} (width x height)'
    if w < 1 or h < 1:
        return 'ignored', f'bbox {box} is smaller than a pixel'
    return None


def _mask_fault(segmentation) -> Optional[Tuple[str, str]]:
    """Kind and description of what is wrong with polygons or a run-length code, or None."""
    if isinstance(segmentation, list):
        if not any(isinstance(p, list) and len(p) >= 6 and len(p) % 2 == 0 for p in segmentation):
            return 'ignored', 'has no polygon of 3 points or more'
    elif segmentation is not None and not (isinstance(segmentation, dict)
                                           and {'counts', 'size'} <= set(segmentation)):
        return 'box', '"segmentation" should be a list of polygons or a run-length code'
    return None
