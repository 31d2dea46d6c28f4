"""Lists with one sample per line; the datasets and the check of the data read them here."""
import re
from codecs import BOM_UTF8
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from mmengine.fileio import list_from_file

from .storage import read
from .texts import Texts

Columns = Tuple[str, List[int], List[int]]
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
    with _explained(path):
        lines = list_from_file(path, encoding='utf-8-sig')
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Errors of reading an annotation file in one line."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f'annotation file {path} does not exist; set "data_root" and '
                                '"ann_file" of the dataset') from None
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not text in UTF-8 ({error.reason}, byte {error.start}); save '
                         'it as UTF-8') from None


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
        except ValueError as error:
            raise _line_error(error, path, number, line, columns) from None
    if not parsed:
        raise ValueError(f'annotation file {path} is empty')
    return parsed


def load_lines(path: str, parse: Callable[[str], Any], columns: str,
               odd: Callable[[Texts], Iterable[int]]) -> Texts:
    """The lines of an annotation file that are not blank, which :func:`parse_lines` would parse.

    Args:
        path (str): The file.
        parse (Callable): See :func:`parse_lines`.
        columns (str): See :func:`parse_lines`.
        odd (Callable): Gives the indices of the lines that ``parse`` might not take.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is not as it should be, or there is none.
    """
    with _explained(path):
        content = read(path)
        content.isascii() or content.decode()
    texts = Texts.lines(content.removeprefix(BOM_UTF8))
    if not len(texts):
        raise ValueError(f'annotation file {path} is empty')
    for index in odd(texts):
        line = texts.text(index).strip()
        try:
            parse(line)
        except ValueError as error:
            number = 1 + np.count_nonzero(texts.content[:texts.ends[index] - 1] == ord('\n'))
            raise _line_error(error, path, number, line, columns) from None
    return texts


def _line_error(error: ValueError, path: str, number: int, line: str, columns: str) -> ValueError:
    text = f'expected "{columns}", but got "{line[:100]}"'
    if isinstance(error, LabelError):
        text = str(error)
    return ValueError(f'{path}, line {number}: {text}')


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


def split_sample(line: str,
                 num_before: int = 0,
                 with_label: bool = True,
                 several: bool = False,
                 classes: Optional[Mapping[str, int]] = None) -> Columns:
    """Path, numbers before the labels, and labels of a line.

    Args:
        line (str): A line without blanks at its ends.
        num_before (int): How many numbers stand before the labels. Defaults to 0.
        with_label (bool): Whether there is a label. Defaults to True.
        several (bool): Whether there may be more than one. Defaults to False.
        classes (dict[str, int], optional): Names that may stand for one label, and their numbers.
            Defaults to None.

    Raises:
        ValueError: If the line is not like that.
    """
    if with_label and not several:
        line = _name_to_number(line, classes or {})
    path, numbers = split_numbers(line, -1 if several else num_before + with_label)
    if with_label and len(numbers) <= num_before:
        raise ValueError
    return path, numbers[:num_before], numbers[num_before:]


def number_names(classes: Sequence[str]) -> Dict[str, int]:
    """Labels of classes by their names."""
    return {name: label for label, name in enumerate(classes)}


def check_labels(path: str,
                 labels: Sequence[int],
                 num_classes: Optional[int],
                 exists: Callable[[], bool] = lambda: True) -> None:
    """Raise :class:`LabelError` for labels of no class, and for several where there can be one.

    Args:
        path (str): The path in the line.
        labels (Sequence[int]): The labels in it.
        num_classes (int, optional): How many classes there are, None if nobody knows.
        exists (Callable): Tells whether there is a file of this path. Defaults to one that says
            yes.
    """
    for label in labels:
        if num_classes and not 0 <= label < num_classes:
            raise LabelError(f'label {label} is outside of 0..{num_classes - 1}; labels count '
                             'from 0')
    if len(labels) == 1 and _NUMBERS.search(path) and not exists():
        raise LabelError(f'several labels for one clip need multi_class=True in the dataset (or '
                         f'"{path}" does not exist)')


def _name_to_number(line: str, classes: Mapping[str, int]) -> str:
    """A line whose last column is the name of a class, with the number of the class instead.

    A name with blanks needs a tab or a comma before it.
    """
    for separator in ('\t', ',', None):
        text, *name = line.rsplit(separator, 1)
        if name and name[0].strip() in classes:
            return f'{text.strip()} {classes[name[0].strip()]}'
    return line
