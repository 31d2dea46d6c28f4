"""Check the splits of a dataset: annotations, counts, files."""
import os.path as osp
from typing import Callable, Dict, Iterable, List, Optional

from ..datasets.shards import is_shards
from ..datasets.storage import shown
from .ava import scan_ava
from .clips import scan_clips
from .coco import scan_coco
from .images import scan_images
from .known import Expected, Split
from .loading import look, prepare
from .media import Item
from .pool import glance_all, probe_all
from .report import DataProblem, SplitReport

# Each takes the config of a dataset, the number of its classes if known, and a report for what is
# wrong, and returns the files to read.
SCANS: Dict[str, Callable[[dict, Optional[int], SplitReport], List[Item]]] = {
    'ImageNet': scan_images,
    'ImageNet21k': scan_images,
    'CustomDataset': scan_images,
    'ImageDataset': scan_images,
    'ClipDataset': scan_clips,
    'CocoDataset': scan_coco,
    'LVISV1Dataset': scan_coco,
    'AVADataset': scan_ava,
}
_COMPLETE_ENOUGH = 0.98


def check(splits: List[Split], num_workers: int, quick: bool,
          on_problem: Callable[[str, DataProblem], None],
          track: Callable[[Iterable, int, str], Iterable]) -> List[SplitReport]:
    """Check all splits.

    Args:
        splits (list[Split]): What to check.
        num_workers (int): Number of processes that read files.
        quick (bool): Only look whether files are there.
        on_problem (Callable): Called with the name of a split and each of its problems at once.
        track (Callable): Wraps an iterable, given its length and a description, to show progress.

    Returns:
        list[SplitReport]: One per split.

    Raises:
        ValueError: If a dataset class is not known here.
    """
    for split in splits:
        if _kind(split) not in SCANS:
            raise ValueError(f'cannot check a dataset of type {split.dataset["type"]}, only '
                             f'{", ".join(SCANS)}')
    reports: List[SplitReport] = []
    for split in splits:
        # other libraries number what they find
        is_own = str(split.dataset.get('type')).startswith('mvitv2_mm.')
        report = SplitReport(
            split.name,
            on_problem,
            by_name=is_own and not _kind(split).startswith(('ImageNet', 'LVIS')))
        items = _scan(split, report)
        if reports:
            _check_same_classes(reports[0], report)
        if not quick:
            prepare(items)
        results = glance_all(items, look) if quick else probe_all(items, num_workers, look)
        for problems in track(results, len(items), split.name):
            for problem in problems:
                report.add(*problem)
        reports.append(report)
    return reports


def _scan(split: Split, report: SplitReport) -> List[Item]:
    """The files to read; none of data that is not in files on this machine."""
    root, ann_file = (split.dataset.get(key) or '' for key in ('data_root', 'ann_file'))
    if '://' in root or is_shards(ann_file):
        report.add(
            'elsewhere', shown(osp.join(root, ann_file)), 'is not looked at: only files on '
            'this machine are checked, and none in tar files')
        return []
    items = SCANS[_kind(split)](split.dataset, split.expected.classes, report)
    _check_size(split, report)
    return items


def _kind(split: Split) -> str:
    """Name of the dataset class without its scope."""
    return str(split.dataset.get('type')).split('.')[-1]


def _check_size(split: Split, report: SplitReport) -> None:
    expected: Expected = split.expected
    where = split.dataset.get('ann_file') or split.dataset.get('data_root')
    if report.counts['layout']:
        return
    if expected.samples is not None and not expected.exact:
        if report.samples < _COMPLETE_ENOUGH * expected.samples:
            report.add(
                'incomplete', where, f'{report.samples:,} clips; there were about '
                f'{expected.samples:,} when the dataset was published')
    elif expected.samples not in (None, report.samples):
        report.add('count', where, f'{report.samples:,} samples instead of '
                   f'{expected.samples:,}')


def _check_same_classes(first: SplitReport, report: SplitReport) -> None:
    """Splits need the same names, and where labels go by their order the same order."""
    a, b = first.classes, report.classes
    if not a or not b or a == b or not isinstance(a[0], str):
        return
    more, lacking = sorted(set(b) - set(a)), sorted(set(a) - set(b))
    different = str(sorted(more + lacking) or 'only their order')[:200]
    if not report.by_name or (more and lacking):
        report.add('label', report.split, f'has other classes than {first.split}; '
                   f'different: {different}')
    elif more or lacking:
        report.add(
            'ignored', report.split, f'has {"more" if more else "fewer"} classes than '
            f'{first.split}; different: {different}')
