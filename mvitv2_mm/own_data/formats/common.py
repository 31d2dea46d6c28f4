"""What the readers of several formats need."""
import re
from pathlib import Path
from typing import Any, Iterable, List, Sequence

from ...datasets.json_files import Types, entry_fault
from ...datasets.lists import read_lines

_HEAD = 2**16  # characters
NO_CLASS = ('__ignore__', '_background_')  # of LabelMe


def starts_with(path: Path, pattern: str) -> bool:
    """Whether the first characters of a file match a regular expression; large ones stay unread."""
    with path.open(encoding='utf-8-sig', errors='replace') as file:
        return re.match(pattern, file.read(_HEAD), re.S) is not None


def check_entry(entry: Any, where: str, *types: Types) -> None:
    """Raise ValueError if an entry of a JSON file is not as :func:`entry_fault` wants it.

    Args:
        entry (Any): What should be a dict.
        where (str): Its place, for messages.
        *types (Types): Of the values that it needs, and of those that it may have.
    """
    fault = entry_fault(entry, *types)
    if fault:
        raise ValueError(f'{where}: {fault}')


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
