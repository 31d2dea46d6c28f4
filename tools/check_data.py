#!/usr/bin/env python
"""Check a dataset on disk: layout, counts, labels, boxes, missing and unreadable files.

Prints one line per problem, a summary and what to do. The exit status is 1 if there are errors.
"""
import argparse
import os
import sys
from collections import Counter
from contextlib import ExitStack
from typing import Iterable, List, Optional

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mvitv2_mm.data_check import KINDS, NAMES, PLAIN, DataProblem, SplitReport, check, find_splits
from mvitv2_mm.engine.launch import one_line_errors


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'dataset',
        help=f'{", ".join(NAMES)}; for your own data {", ".join(PLAIN)}, a COCO-style .json, or a '
        'config .py, of which all datasets are checked')
    parser.add_argument(
        '--data-root', help='where the data is; by default where the configs expect it')
    parser.add_argument(
        '--workers', type=int, default=os.cpu_count(), help='processes that read files')
    parser.add_argument(
        '--quick', action='store_true', help='only look whether files are there and not empty')
    parser.add_argument(
        '--max-lines',
        type=int,
        default=20,
        metavar='N',
        help='print at most N problems of a kind per split, by default 20')
    parser.add_argument('--out', metavar='FILE', help='write all problems to this file')
    return parser.parse_args(argv)


class ProblemPrinter:
    """Prints the first problems of every kind and writes all of them to a file."""

    def __init__(self, console: Console, max_lines: int, out: Optional[object]) -> None:
        self.console, self.max_lines, self.out = console, max_lines, out
        self.counts: Counter = Counter()

    def __call__(self, split: str, problem: DataProblem) -> None:
        kind, where, what = problem
        line = f'{KINDS[kind].level}: {split}: {where}: {what} [{kind}]'
        if self.out is not None:
            print(line, file=self.out, flush=True)
        self.counts[split, kind] += 1
        if self.counts[split, kind] <= self.max_lines:
            self._print(line)
        elif self.counts[split, kind] == self.max_lines + 1:
            self._print(f'{split}: more problems of kind [{kind}] follow, only counted; --out FILE '
                        'lists all')

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def make_table(reports: List[SplitReport]) -> Table:
    """One row per split, with a column per kind of problem that occurred."""
    kinds = [kind for kind in KINDS if any(report.counts[kind] for report in reports)]
    table = Table('split')
    for heading in ('samples', 'objects', 'classes', *kinds):
        table.add_column(heading, justify='right')
    for report in reports:
        objects = '' if report.objects is None else f'{report.objects:,}'
        table.add_row(report.split, f'{report.samples:,}', objects, f'{len(report.classes):,}',
                      *[f'{report.counts[kind]:,}' for kind in kinds])
    return table


def print_summary(console: Console, reports: List[SplitReport]) -> None:
    console.print(make_table(reports))
    counts = sum((report.counts for report in reports), Counter())
    for kind in [kind for kind in KINDS if counts[kind]]:
        console.print(
            f'{kind} ({KINDS[kind].level}): {KINDS[kind].remedy}', highlight=False, soft_wrap=True)
    errors = sum(report.num_errors for report in reports)
    console.print(f'{errors:,} errors' if errors else 'no errors', highlight=False)


def main(argv: Optional[List[str]] = None) -> int:
    args = parse_args(argv)
    console = Console()
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())
    with one_line_errors(), ExitStack() as stack:
        splits = find_splits(args.dataset, args.data_root)
        out = stack.enter_context(open(args.out, 'w')) if args.out else None
        progress = stack.enter_context(Progress(*columns, console=console))

        def track(iterable: Iterable, total: int, description: str) -> Iterable:
            return progress.track(iterable, total=total, description=description)

        printer = ProblemPrinter(console, args.max_lines, out)
        reports = check(splits, args.workers, args.quick, printer, track)
    print_summary(console, reports)
    return int(any(report.num_errors for report in reports))


if __name__ == '__main__':
    sys.exit(main())
