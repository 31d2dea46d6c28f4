"""Lists with one sample per line; the datasets and the check of the data read them here."""
import re
from typing import Any, Callable, List, Sequence, Tuple

from mmengine.fileio import list_from_file

_NUMBERS = re.compile(r'(?:[\s,]+-?\d+)+$')


class LabelError(ValueError):
    """A line is well-formed, but its label cannot be used; the message says why."""


def read_lines(path: str) -> List[Tuple[int, str]]:
    """Numbers, from 1, and texts of the lines that are not blank.

    Any ends of lines will do, and so will a byte-order mark.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not text in UTF-8.
    """
    try:
        lines = list_from_file(path, encoding='utf-8-sig')
    except FileNotFoundError:
        raise FileNotFoundError(f'annotation file {path} does not exist; set "data_root" and '
                                '"ann_file" of the dataset') from None
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not text in UTF-8: {error}') from error
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def parse_lines(path: str, parse: Callable[[str], Any], columns: str) -> List[Any]:
    """Parse an annotation file line by line.

    Args:
        path (str): The file.
        parse (Callable): Turns a line into an annotation, or raises ValueError.
        columns (str): What a line should be, for messages.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is not as it should be, or there is none.
    """
    parsed = []
    for number, line in read_lines(path):
        try:
            parsed.append(parse(line))
        except LabelError as error:
            raise ValueError(f'{path}, line {number}: {error}') from None
        except ValueError:
            raise ValueError(f'{path}, line {number}: expected "{columns}", but got '
                             f'"{line[:100]}"') from None
    if not parsed:
        raise ValueError(f'annotation file {path} is empty')
    return parsed


def split_numbers(line: str, count: int) -> Tuple[str, List[int]]:
    """The text that a line starts with, and the whole numbers that it ends with.

    They are separated by blanks, tabs or commas; the text may hold all of these.

    Args:
        line (str): A line without blanks at its ends.
        count (int): How many numbers, or -1 for as many as there are.

    Raises:
        ValueError: If there are not that many numbers, or nothing before them.
    """
    if count == 0:
        return line, []
    found = _NUMBERS.search(line)
    numbers = re.findall(r'[\s,]+(-?\d+)', found.group()) if found else []
    if len(numbers) < max(count, 1):
        raise ValueError
    if count > 0 and len(numbers) > count:
        text = re.match(rf'(.*?)(?:[\s,]+-?\d+){{{count}}}$', line).group(1)
    else:
        text = line[:found.start()]
    if not text:
        raise ValueError
    return text, [int(number) for number in numbers[-count if count > 0 else 0:]]


def ends_in_number(text: str) -> bool:
    """Whether the last column of a text is a whole number, and not the only one."""
    return bool(_NUMBERS.search(text))


def name_to_number(line: str, classes: Sequence[str]) -> str:
    """A line whose last column is the name of a class, with the number of the class instead.

    A name with blanks needs a tab or a comma before it.
    """
    for separator in ('\t', ',', None):
        text, _, name = line.rpartition(separator) if separator else _last_word(line)
        if text and name.strip() in classes:
            return f'{text.strip()} {list(classes).index(name.strip())}'
    return line


def _last_word(line: str) -> Tuple[str, str, str]:
    *text, name = line.rsplit(maxsplit=1)
    return ''.join(text), ' ', name


def check_label(label: int, num_classes: int) -> None:
    """Raise :class:`LabelError` for a label that no class has."""
    if not 0 <= label < num_classes:
        raise LabelError(f'label {label} is outside of 0..{num_classes - 1}; labels count from 0')
