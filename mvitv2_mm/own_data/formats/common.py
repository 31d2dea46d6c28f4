"""What the readers of several formats need."""
import json
import math
import re
from pathlib import Path
from types import MappingProxyType
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Union

from pycocotools import mask as coco_mask

from ...datasets.lists import read_lines

NUMBER = (int, float)
ID = (int, str)
Types = Mapping[str, tuple]
_HEAD = 2**16  # characters
NO_CLASS = ('__ignore__', '_background_')  # of LabelMe


def starts_with(path: Path, pattern: str) -> bool:
    """Whether the first characters of a file match a regular expression; large ones stay unread."""
    with path.open(encoding='utf-8-sig', errors='replace') as file:
        return re.match(pattern, file.read(_HEAD), re.S) is not None


def read_json(path: Path) -> Any:
    """Content of a JSON file, with or without a byte-order mark.

    Raises:
        ValueError: If it is not JSON; the line is named.
    """
    try:
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path}, line {error.lineno}: not valid JSON: {error.msg}') from None
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not text in UTF-8: {error.reason}') from None


def check_entry(entry: Any, where: str, needed: Types,
                optional: Types = MappingProxyType({})) -> None:
    """Raise ValueError if an entry of a JSON file lacks a key, or a value has another type.

    Args:
        entry (Any): What should be a dict.
        where (str): Its place, for messages.
        needed (dict[str, tuple]): Types of the values that must be there.
        optional (dict[str, tuple]): Types of those that may be absent or null. Defaults to none.
    """
    if not isinstance(entry, dict):
        raise ValueError(f'{where} should be an object with {", ".join(needed)}, but is '
                         f'{str(entry)[:80]}')
    lacking = [key for key in needed if entry.get(key) is None]
    if lacking:
        raise ValueError(f'{where} has no "{lacking[0]}": {str(entry)[:100]}')
    for key, types in {**needed, **optional}.items():
        value = entry.get(key)
        fits = is_number(value) if types == NUMBER else isinstance(value, types)
        if value is not None and not fits:
            raise ValueError(f'{where}: "{key}" is {str(value)[:80]}, which is no '
                             f'{" or ".join(t.__name__ for t in types)}')


def check_new_classes(classes: Sequence[str], names: Iterable[str], where: str) -> None:
    """Raise ValueError if a split has classes that the training does not have."""
    new = sorted(set(names) - set(classes))
    if new:
        raise ValueError(f'{where} has the classes {str(new)[1:-1][:200]}, which the training data '
                         f'does not have ({str(list(classes))[1:-1][:200]}); rename or remove them')


def list_names(path: Path, separator: str = '') -> List[str]:
    """Names of classes, one a line, up to a separator; none if there is no such file.

    Raises:
        ValueError: If a name comes twice.
    """
    if not path.is_file():
        return []
    names = [line for _, line in read_lines(str(path)) if not line.startswith('#')]
    names = [name.split(separator)[0].strip() if separator else name for name in names]
    double = next((name for name in names if names.count(name) > 1), None)
    if double:
        raise ValueError(f'{path} has the class "{double}" twice')
    return names


def read_mask(segmentation: Any, where: str) -> Optional[Union[list, dict]]:
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
                isinstance(part, list) and len(part) % 2 == 0 and all(map(is_number, part))
                for part in parts):
            # points and lines cover nothing
            return [part for part in parts if len(part) >= 6] or None
    raise ValueError(f'{where}: "segmentation" should be a list of polygons or a run-length code, '
                     f'but is {json.dumps(segmentation)[:80]}')


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, NUMBER) and not isinstance(value, bool) and math.isfinite(value)


def _is_code(code: dict) -> bool:
    size, counts = code.get('size'), code.get('counts')
    if not (isinstance(size, list) and len(size) == 2
            and all(isinstance(n, int) and n > 0 for n in size)):
        return False
    if isinstance(counts, list):
        return all(isinstance(n, int) and n >= 0 for n in counts) and sum(counts) == math.prod(size)
    return isinstance(counts, str)


def box_of(mask) -> List[float]:
    """The box x, y, width, height around a mask."""
    if isinstance(mask, dict):
        code = mask
        if isinstance(mask['counts'], list):
            code = coco_mask.frPyObjects(mask, *mask['size'])
        return coco_mask.toBbox(code).tolist()
    xs = [x for part in mask for x in part[::2]]
    ys = [y for part in mask for y in part[1::2]]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
