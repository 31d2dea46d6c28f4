"""Detection data in COCO's format, LVIS among it."""
import json
import math
import os.path as osp
from collections import defaultdict
from typing import Dict, List, Optional, Tuple

from .loading import Picture, loading_steps
from .report import SplitReport

_TOLERANCE = 1.  # pixels by which a box may leave its picture
_NEEDED = {
    'images': ('id', 'height', 'width'),
    'categories': ('id', 'name'),
    'annotations': ('id', 'image_id', 'category_id', 'bbox'),
}


def scan_coco(dataset: dict, num_classes: Optional[int], report: SplitReport) -> List[Picture]:
    """Pictures of our or mmdet's ``CocoDataset``, or of mmdet's ``LVISV1Dataset``."""
    root = dataset.get('data_root') or ''
    path = osp.join(root, dataset['ann_file'])
    folder = osp.join(root, (dataset.get('data_prefix') or {}).get('img', ''))
    content = _load(path, dataset.get('test_mode', False), report)
    if not osp.isdir(folder):
        report.add('layout', folder, 'no such folder')
        return []
    if content is None:
        return []
    tables = {name: _index(path, name, content[name], report) for name in _NEEDED}
    _check_categories(path, tables['categories'], dataset, num_classes, report)
    objects = _check_annotations(path, tables, dataset, report)
    steps, items = loading_steps(dataset, 'mmdet'), []
    for image in tables['images'].values():
        name = _file_name(image)
        if name is None:
            report.add('annotation', f'{path}, image {image["id"]}', 'has no "file_name"')
        else:
            info = dict(
                height=image['height'], width=image['width'], instances=objects[image['id']])
            items.append(Picture(osp.join(folder, name), info, steps))
    report.samples = len(items)
    return items


def _file_name(image: dict) -> Optional[str]:
    """LVIS v1 has no ``file_name``; the end of ``coco_url`` is the path inside of COCO."""
    if 'file_name' in image:
        return image['file_name']
    return '/'.join(image['coco_url'].split('/')[-2:]) if 'coco_url' in image else None


def _load(path: str, may_be_bare: bool, report: SplitReport) -> Optional[dict]:
    """Content of a file, which may lack annotations if it is only to be predicted."""
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
    except FileNotFoundError:
        report.add('layout', path, 'no such annotation file')
        return None
    except (OSError, ValueError) as error:
        report.add('annotation', path, f'is not valid JSON: {error}')
        return None
    if may_be_bare and isinstance(content, dict) and not content.get('annotations'):
        content['annotations'] = []
        report.add('ignored', path, 'has no annotations: it can be predicted, not evaluated')
        return content if content.get('images') else None
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
    for name in sorted({name for name in names if names.count(name) > 1}):
        report.add('label', path, f'has more than one category "{name}"')
    wanted = (dataset.get('metainfo') or {}).get('classes')
    if num_classes is not None and len(wanted or names) != num_classes:
        report.add('label', path, f'{len(wanted or names)} categories, but {num_classes} are '
                   'expected')
    if wanted is None:
        return
    more = [name for name in names if name not in wanted]
    for name in [name for name in wanted if name not in names]:
        text = f'has no category "{name}", which metainfo.classes of the config names'
        if more or not report.by_name:
            report.add('label', path, text)
        else:
            report.add_absent(path, text)
    for name in more:
        report.add('ignored', path, f'category "{name}" is not in metainfo.classes of the config')
    shared = [name for name in wanted if name in names]
    if not report.by_name and shared != [name for name in names if name in wanted]:
        report.add(
            'label', path, 'lists the categories in another order than metainfo.classes, '
            'and mmdet numbers them as listed; use type="mvitv2_mm.CocoDataset"')


def _check_annotations(path: str, tables: Dict[str, Dict[int, dict]], dataset: dict,
                       report: SplitReport) -> Dict[int, List[dict]]:
    """Objects as the pipeline gets them, those without fault, by the ids of their images."""
    images, categories = tables['images'], tables['categories']
    report.objects = len(tables['annotations'])
    needs_mask = dataset.get('needs_mask') or any(
        step.get('with_mask') for step in dataset.get('pipeline') or ())
    objects, without_mask = defaultdict(list), 0
    for annotation in tables['annotations'].values():
        where = f'{path}, annotation {annotation["id"]}'
        fault = _annotation_fault(annotation, images, categories)
        lacks_mask = needs_mask and not annotation.get('segmentation')
        without_mask += lacks_mask
        if fault:
            report.add(fault[0], where, fault[1])
        elif not lacks_mask:
            objects[annotation['image_id']].append(_instance(annotation))
    if without_mask:
        report.add('annotation', path, f'{without_mask} objects have no "segmentation", but the '
                   'config needs masks')
    used = {annotation['image_id'] for annotation in tables['annotations'].values()}
    empty = len(set(images) - used)
    if images and empty:
        report.add('ignored', path, f'{empty} of {len(images)} pictures have no object')
    return objects


def _annotation_fault(annotation: dict, images: Dict[int, dict],
                      categories: Dict[int, dict]) -> Optional[Tuple[str, str]]:
    """Kind and description of what is wrong with an annotation, or None."""
    if annotation['image_id'] not in images:
        return 'annotation', f'unknown image_id {annotation["image_id"]}'
    if annotation['category_id'] not in categories:
        return 'label', f'unknown category_id {annotation["category_id"]}'
    image = images[annotation['image_id']]
    return (_box_fault(annotation['bbox'], image['height'], image['width'])
            or _mask_fault(annotation.get('segmentation')))


def _instance(annotation: dict) -> dict:
    """An annotation as mmdet's datasets give it to the pipeline."""
    x, y, w, h = annotation['bbox']
    instance = dict(
        bbox=[x, y, x + w, y + h], bbox_label=0, ignore_flag=int(bool(annotation.get('iscrowd'))))
    if annotation.get('segmentation'):
        instance['mask'] = annotation['segmentation']
    return instance


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
