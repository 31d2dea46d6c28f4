"""Detection data in COCO's format, LVIS among it."""
import os.path as osp
from collections import Counter, defaultdict
from typing import Any, Dict, List, Optional, Tuple

from ..datasets.coco_format import (Tables, file_name, index_entries, lack_masks, object_fault,
                                    place, read_mask, within)
from ..datasets.json_files import read_json
from .loading import Picture, loading_steps
from .report import SplitReport

_TOLERANCE = 1.  # pixels by which a box may leave its picture


def scan_coco(dataset: dict, num_classes: Optional[int], report: SplitReport) -> List[Picture]:
    """Pictures of our or mmdet's ``CocoDataset`` or ``LVISV1Dataset``."""
    root = dataset.get('data_root') or ''
    path = osp.join(root, dataset['ann_file'])
    folder = osp.join(root, (dataset.get('data_prefix') or {}).get('img', ''))
    content = _load(path, report)
    if not osp.isdir(folder):
        report.add('layout', folder, 'no such folder')
        return []
    if content is None:
        return []
    tables = index_entries(content,
                           lambda kind, where, what: report.add(kind, within(path, where), what))
    if not tables:
        return []
    lacking = [name for name, entries in tables.items() if not entries]
    if dataset.get('test_mode') and tables['images'] and 'annotations' in lacking:
        report.add('ignored', path, 'has no annotations: it can be predicted, not evaluated')
    else:
        for name in lacking:
            report.add('annotation', path, f'"{name}" has no entry of use')
        _check_categories(path, tables['categories'], dataset, num_classes, report)
    objects = _check_annotations(path, tables, dataset, report)
    steps = loading_steps(dataset, 'mmdet')
    report.samples = len(tables['images'])
    return [
        Picture(
            osp.join(folder, file_name(image)),
            dict(height=image['height'], width=image['width'], instances=objects[image['id']]),
            steps) for image in tables['images'].values()
    ]


def _load(path: str, report: SplitReport) -> Any:
    try:
        return read_json(path) or {}
    except FileNotFoundError:
        report.add('layout', path, 'no such annotation file')
    except (OSError, ValueError) as error:
        report.add('annotation', path, str(error).removeprefix(path).lstrip(', '))
    return None


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


def _check_annotations(path: str, tables: Tables, dataset: dict,
                       report: SplitReport) -> Dict[Any, List[dict]]:
    """Objects as the pipeline gets them, those without fault, by the ids of their images."""
    found = tables['annotations']
    report.objects = len(found)
    needs_mask = dataset.get('needs_mask') or any(
        step.get('with_mask') for step in dataset.get('pipeline') or ())
    objects, absent, void = defaultdict(list), [], []
    for number, obj in found.items():
        where = f'{path}, {place("annotations", number, obj)}'
        fault = _fault(obj, tables)
        if fault:
            report.add(fault[0], where, fault[1])
            continue
        instance = _instance(obj)
        if 'mask' in instance or not needs_mask:
            objects[obj['image_id']].append(instance)
        if obj.get('segmentation') and 'mask' not in instance:
            void.append(where)
            report.add('ignored', where, '"segmentation" has no polygon of 3 points or more')
        elif 'mask' not in instance:
            absent.append(where)
    if needs_mask and lack_masks(len(absent), len(void), len(found)):
        report.add(
            'annotation', (absent + void)[0],
            f'{len(absent + void)} objects have no mask in "segmentation", this one first, '
            'but the config needs masks')
    _check_sums(path, tables, report)
    return objects


def _check_sums(path: str, tables: Tables, report: SplitReport) -> None:
    """What only all objects together tell."""
    found = tables['annotations']
    for name, count in Counter(obj.get('id') for obj in found.values()).items():
        if count > 1 and name is not None:
            report.add('duplicate', f'{path}, annotation {name}', f'{count} objects have this id')
    if found and all(obj.get('iscrowd') for obj in found.values()):
        report.add(
            'annotation', path, f'all {len(found)} objects are crowds, from which nothing '
            'is learnt; set their "iscrowd" to 0')
    empty = len(set(tables['images']) - {obj['image_id'] for obj in found.values()})
    if empty:
        report.add('ignored', path, f'{empty} of {len(tables["images"])} pictures have no object')


def _fault(obj: dict, tables: Tables) -> Optional[Tuple[str, str]]:
    """Kind and description of what is wrong with an object, or None."""
    image = tables['images'].get(obj['image_id'], {})
    return object_fault(obj, tables) or _box_fault(obj['bbox'], image['height'], image['width'])


def _instance(obj: dict) -> dict:
    """An object as mmdet's datasets give it to the pipeline."""
    x, y, w, h = obj['bbox']
    instance = dict(
        bbox=[x, y, x + w, y + h], bbox_label=0, ignore_flag=int(bool(obj.get('iscrowd'))))
    mask = read_mask(obj.get('segmentation'))
    return dict(instance, mask=mask) if mask else instance


def _box_fault(box: list, height: int, width: int) -> Optional[Tuple[str, str]]:
    x, y, w, h = box
    if min(x, y) < -_TOLERANCE or x + w > width + _TOLERANCE or y + h > height + _TOLERANCE:
        return 'box', f'bbox {box} leaves its picture of {width} x {height} (width x height)'
    if w < 1 or h < 1:
        return 'ignored', f'bbox {box} is smaller than a pixel'
    return None
