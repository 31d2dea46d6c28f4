"""What the readers of several formats need."""
import json
from pathlib import Path
from typing import Any, Iterable, List, Sequence

from pycocotools import mask as coco_mask

from ...datasets.lists import read_lines

NO_CLASS = ('__ignore__', '_background_')  # of LabelMe


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
