"""Annotation files with one sample per line."""
from typing import Iterator, List, Optional, Tuple

from .report import SplitReport


def read_lines(path: str, columns: str, report: SplitReport) -> Iterator[Tuple[int, list]]:
    """Line numbers and fields of the lines that have the right form.

    The first field is text and may hold blanks, the others are whole numbers. Lines of another
    form and first fields that were there before are reported.

    Args:
        path (str): The annotation file.
        columns (str): Names of the fields, separated by blanks, e.g. 'path label'.
        report (SplitReport): Takes the findings.
    """
    num_numbers = len(columns.split()) - 1
    seen = {}
    for number, line in open_lines(path, report):
        name, *numbers = line.rsplit(maxsplit=num_numbers)
        try:
            fields = [name, *map(int, numbers)]
        except ValueError:
            fields = []
        if len(fields) != num_numbers + 1:
            report.add('annotation', f'{path}, line {number}',
                       f'expected "{columns}", but got "{line[:100]}"')
            continue
        if seen.setdefault(name, number) != number:
            report.add('duplicate', f'{path}, line {number}',
                       f'the same file as in line {seen[name]}: {name}')
        yield number, fields


def open_lines(path: str, report: SplitReport) -> Iterator[Tuple[int, str]]:
    """Numbers and texts of the lines that are not blank; reports a file that cannot be read."""
    try:
        with open(path, encoding='utf-8') as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        report.add('layout', path, 'no such annotation file')
        return
    except (OSError, UnicodeDecodeError) as error:
        report.add('annotation', path, f'cannot be read: {error}')
        return
    if not any(line.strip() for line in lines):
        report.add('annotation', path, 'is empty')
    yield from ((i, line.strip()) for i, line in enumerate(lines, 1) if line.strip())


def read_samples(path: str, columns: str, num_classes: Optional[int],
                 report: SplitReport) -> List[list]:
    """Fields before the label of every sample, see :func:`read_lines`.

    Labels should lie in ``[0, num_classes)``, and every class should occur; by default the largest
    label implies how many there are.
    """
    rows = list(read_lines(path, columns, report))
    present = {fields[-1] for _, fields in rows}
    report.samples, report.classes = len(rows), tuple(sorted(present))
    num_classes = num_classes or max(present, default=-1) + 1
    for line, (*_, label) in rows:
        if not 0 <= label < num_classes:
            report.add('label', f'{path}, line {line}',
                       f'label {label} is outside of 0..{num_classes - 1}')
    absent = sorted(set(range(num_classes)) - present)
    if rows and absent:
        report.add(
            'count', path, f'{len(absent)} of {num_classes} classes have no sample, the '
            f'first is {absent[0]}')
    return [fields[:-1] for _, fields in rows]
