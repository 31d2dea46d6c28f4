"""COCO's JSON: one reading for training, evaluation, checks and conversions."""
import json
import math
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

import numpy as np
from pycocotools import mask as coco_mask

from .json_files import NUMBER, entry_fault, read_json

_ID = (*NUMBER, str)
_VOID = 0.01
_FARTHEST = 1e5  # pixels, of the mean distance of positions from the corner
Tables = Dict[str, Dict[Any, dict]]
# takes the kind of a fault, as in ``mvitv2_mm.data_check.KINDS``, its place, and what it is
Report = Callable[[str, str, str], None]

# needed and optional values of the entries of each list, with their types
_ENTRIES = {
    'images': (dict(id=_ID, height=NUMBER, width=NUMBER), dict(file_name=(str, ),
                                                               coco_url=(str, ))),
    'categories': (dict(id=_ID, name=(str, )), {}),
    'annotations':
    (dict(image_id=_ID, category_id=_ID,
          bbox=(list, )), dict(id=_ID, area=NUMBER, iscrowd=NUMBER, segmentation=(list, dict))),
}


def read_coco(path: str) -> dict:
    """Content of a COCO file that is not at fault, with what tools leave out.

    Objects get ``iscrowd=0``, the area of their mask or else of their box, and their polygons in a
    list. They are numbered from 1: no result depends on their ids, but pycocotools takes an object
    of id 0 for none, and mmdet refuses ids that repeat.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: Naming the file, the first entry at fault, and the value.
    """

    def refuse(kind: str, where: str, what: str) -> None:
        raise ValueError(
            f'{within(path, where)}: {what}; python -m mvitv2_mm check-data lists all faults')

    content = read_json(path)
    tables = index_entries(content, refuse)
    for number, obj in tables['annotations'].items():
        fault = object_fault(obj, tables)
        if fault:
            refuse(fault[0], place('annotations', number, obj), fault[1])
    for image in content['images']:
        image['file_name'] = file_name(image)
    for number, obj in enumerate(content['annotations'], 1):
        _complete(obj, tables['images'][obj['image_id']])
        obj['id'] = number
    return content


def index_entries(content: Any, report: Report) -> Tables:
    """The lists of a file by the ids of their entries, without the entries at fault.

    Lists of categories and annotations may be absent, and become empty. Annotations, whose ids do
    not matter, go by their positions. Nothing is returned of a file that is not COCO's.

    Args:
        content (Any): Content of the file.
        report (Callable): Called with every fault.
    """
    if not isinstance(content, dict) or not isinstance(content.get('images'), list):
        report('annotation', '', 'has no list "images": not in COCO format')
        return {}
    tables: Tables = {name: {} for name in _ENTRIES}
    for name, (needed, optional) in _ENTRIES.items():
        entries, table = content.setdefault(name, []), tables[name]
        if not isinstance(entries, list):
            report('annotation', '', f'"{name}" is no list: not in COCO format')
            continue
        for number, entry in enumerate(entries):
            fault = entry_fault(entry, needed, optional)
            key = number if name == 'annotations' or fault else entry['id']
            if fault is None and key in table:
                fault = f'repeats the id {key}'
            if fault is None and name == 'images':
                fault = _image_fault(entry)
            if fault:
                report('annotation', place(name, number, entry), fault)
            else:
                table[key] = entry
    return tables


def place(name: str, number: int, entry: Any) -> str:
    """What messages call an entry of a list."""
    if name == 'annotations' and isinstance(entry, dict) and entry.get('id') is not None:
        return f'annotation {entry["id"]}'
    return f'{name}[{number}]'


def within(path: str, where: str) -> str:
    """What messages call a place in a file, or the whole file."""
    return f'{path}, {where}' if where else path


def _image_fault(image: dict) -> Optional[str]:
    height, width = image['height'], image['width']
    if min(height, width) < 1:
        return f'is {height} x {width} pixels large (height x width)'
    return None if file_name(image) else f'has no "file_name": {str(image)[:100]}'


def file_name(image: dict) -> Optional[str]:
    """LVIS v1 has no ``file_name``; the end of ``coco_url`` is the path inside of COCO."""
    if image.get('file_name'):
        return image['file_name']
    return '/'.join(image['coco_url'].split('/')[-2:]) if image.get('coco_url') else None


def object_fault(obj: dict, tables: Tables) -> Optional[Tuple[str, str]]:
    """Kind and description of what is wrong with an entry of "annotations", or None."""
    image = tables['images'].get(obj['image_id'])
    if image is None:
        return 'annotation', f'"image_id" {json.dumps(obj["image_id"])} is no id in "images"'
    if obj['category_id'] not in tables['categories']:
        return 'label', f'"category_id" {json.dumps(obj["category_id"])} is no id in "categories"'
    box = obj['bbox']
    if len(box) != 4 or not are_numbers(box):
        return 'box', f'"bbox" should be four numbers x, y, w, h, but is {json.dumps(box)[:80]}'
    if min(box[2:]) < 0:
        return 'box', f'"bbox" {box} has a negative side; the order is x, y, width, height'
    if (obj.get('area') or 0) < 0:
        return 'box', f'"area" {obj["area"]} is negative'
    try:
        mask = read_mask(obj.get('segmentation'))
    except ValueError as error:
        return 'box', str(error)
    if isinstance(mask, dict) and mask['size'] != [image['height'], image['width']]:
        return 'box', (f'"segmentation" is a run-length code of {mask["size"]} pixels (height, '
                       f'width), but the picture has {[image["height"], image["width"]]}')
    return None


def _complete(obj: dict, image: dict) -> None:
    """Add what an object lacks."""
    obj['iscrowd'] = int(bool(obj.get('iscrowd')))
    shape = obj.get('segmentation')
    if shape:
        covers = read_mask(shape)
        obj['segmentation'] = covers or (shape if isinstance(shape[0], list) else [shape])
    if not obj.get('area'):
        mask, (_, _, width, height) = read_mask(shape), obj['bbox']
        size = int(image['height']), int(image['width'])
        obj['area'] = mask_area(mask, *size) if mask else width * height


def mask_area(mask: Union[list, dict], height: int, width: int) -> float:
    """Pixels that a mask covers in a picture of a size, as COCO counts them."""
    codes = mask
    if isinstance(mask, list) or isinstance(mask['counts'], list):
        codes = coco_mask.frPyObjects(mask, height, width)
    return float(coco_mask.area(coco_mask.merge(codes) if isinstance(codes, list) else codes))


def encode_mask(mask: np.ndarray) -> dict:
    """COCO's run-length code of a mask (H, W) of bool, or of ones and zeros."""
    code = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return dict(size=list(code['size']), counts=code['counts'].decode())


def read_mask(segmentation: Any) -> Optional[Union[list, dict]]:
    """Polygons or a run-length code as COCO writes them, None if there is none.

    Raises:
        ValueError: If it is neither.
    """
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        if _is_code(segmentation):
            return segmentation
    else:
        parts = segmentation if isinstance(segmentation[0], list) else [segmentation]
        if all(
                isinstance(part, list) and len(part) % 2 == 0 and are_numbers(part)
                for part in parts):
            # points and lines cover nothing
            return [part for part in parts if len(part) >= 6] or None
    raise ValueError('"segmentation" should be a list of polygons or a run-length code, but is '
                     f'{json.dumps(segmentation)[:80]}')


def lack_masks(absent: int, void: int, total: int) -> bool:
    """Whether objects cannot be learnt from with their masks.

    Large sets hold a few whose points and lines cover nothing; those are ignored.

    Args:
        absent (int): Objects without a mask.
        void (int): Objects whose mask covers nothing.
        total (int): All objects.
    """
    return absent > 0 or void > _VOID * total


def are_numbers(values: list) -> bool:
    """Whether a list holds numbers alone that can be positions; quick, as there are millions.

    The numbers that are not finite are not less than any.
    """
    try:
        return sum(map(abs, values)) < _FARTHEST * (len(values) + 1)
    except TypeError:
        return False


def _is_code(code: dict) -> bool:
    size, counts = code.get('size'), code.get('counts')
    if not (isinstance(size, list) and len(size) == 2
            and all(isinstance(n, int) and n > 0 for n in size)):
        return False
    if isinstance(counts, str):
        counts = _runs(counts)
    is_list = isinstance(counts, list) and all(isinstance(n, int) and n >= 0 for n in counts)
    return is_list and sum(counts) == math.prod(size)


def _runs(text: str) -> Optional[List[int]]:
    """Lengths of the runs of a compressed code, None if it is none.

    pycocotools fills what such a code lacks with any bytes. It holds 5 bits of a number in each
    character; from the fourth on, numbers are differences to the last but one.
    """
    bits = np.frombuffer(text.encode(), np.uint8).astype(int) - 48
    ends = np.flatnonzero(bits < 32)
    if not len(ends) or ends[-1] != len(bits) - 1 or bits.min() < 0 or bits.max() > 63:
        return None
    starts = np.r_[0, ends[:-1] + 1]
    shifts = 5 * (np.arange(len(bits)) - np.repeat(starts, ends + 1 - starts))
    runs = np.add.reduceat((bits & 31) << shifts, starts) - ((bits[ends] & 16) << shifts[ends] + 1)
    for first in (1, 2):
        runs[first::2] = runs[first::2].cumsum()
    return runs.tolist()


def box_of(mask: Union[list, dict]) -> List[float]:
    """The box x, y, width, height around a mask."""
    if isinstance(mask, dict):
        code = mask
        if isinstance(mask['counts'], list):
            code = coco_mask.frPyObjects(mask, *mask['size'])
        return coco_mask.toBbox(code).tolist()
    xs = [x for part in mask for x in part[::2]]
    ys = [y for part in mask for y in part[1::2]]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
