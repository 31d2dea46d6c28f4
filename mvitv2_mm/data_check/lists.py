"""Annotation files with one sample per line."""
import os.path as osp
from typing import Iterator, List, Optional, Set, Tuple

from ..datasets.lists import LabelError, check_labels, number_names, read_lines, split_sample
from .report import SplitReport


def open_lines(path: str, report: SplitReport) -> Iterator[Tuple[int, str]]:
    """Numbers and texts of the lines that are not blank; reports a file that cannot be read."""
    try:
        lines = read_lines(path)
    except FileNotFoundError:
        report.add('layout', path, 'no such annotation file')
        return
    except (OSError, ValueError) as error:
        report.add('annotation', path, f'cannot be read: {error}')
        return
    if not lines:
        report.add('annotation', path, 'is empty')
    yield from lines


def read_samples(path: str, folder: str, dataset: dict, columns: str, num_classes: Optional[int],
                 report: SplitReport) -> List[list]:
    """Path, and number of frames if there is one, of every sample, as the dataset reads them.

    Labels should lie in ``[0, num_classes)``, and in training every class should occur; by default
    the largest label implies how many there are.

    Args:
        path (str): The annotation file.
        folder (str): Where the files are.
        dataset (dict): Config of the dataset.
        columns (str): What its lines are, for instance 'path label'.
        num_classes (int, optional): Number of classes, if known.
        report (SplitReport): Takes the findings.
    """
    classes = (dataset.get('metainfo') or {}).get('classes') or ()
    num_classes = num_classes or dataset.get('num_classes') or len(classes)
    with_label, several = dataset.get('with_label', True), dataset.get('multi_class', False)
    labels_by_name = number_names(classes)
    samples, seen, present = [], {}, set()
    for number, line in open_lines(path, report):
        where = f'{path}, line {number}'
        try:
            name, numbers, labels = split_sample(line,
                                                 len(columns.split()) - 2, with_label, several,
                                                 labels_by_name)
            check_labels(name, labels, num_classes, lambda: osp.exists(osp.join(folder, name)))
        except LabelError as error:
            report.add('label', where, str(error))
        except ValueError:
            report.add('annotation', where, f'expected "{columns}", but got "{line[:100]}"')
            continue
        if seen.setdefault(name, number) != number:
            report.add('duplicate', where, f'the same file as in line {seen[name]}: {name}')
        present.update(labels)
        samples.append([name, *numbers])
    report.samples, report.classes = len(samples), tuple(sorted(present))
    _check_absent(path, present, num_classes or max(present, default=-1) + 1, report)
    return samples


def _check_absent(path: str, present: Set[int], num_classes: int, report: SplitReport) -> None:
    absent = sorted(set(range(num_classes)) - present)
    if present and absent:
        report.add_absent(
            path, f'{len(absent)} of {num_classes} classes have no sample, the first is '
            f'{absent[0]}')
