"""What a check of a dataset prints."""
from collections import Counter
from typing import List, Optional, TextIO

from rich.console import Console
from rich.table import Table

from .report import KINDS, DataProblem, SplitReport


class ProblemPrinter:
    """Prints the first problems of every kind and writes all of them to a file.

    Args:
        max_lines (int): Of each kind in each split.
        out (TextIO, optional): For all problems. Defaults to None.
    """

    def __init__(self, max_lines: int, out: Optional[TextIO] = None) -> None:
        self.max_lines, self.out = max_lines, out
        self.counts: Counter = Counter()

    def __call__(self, split: str, problem: DataProblem) -> None:
        kind, where, what = problem
        line = f'{KINDS[kind].level}: {split}: {where}: {what} [{kind}]'
        if self.out is not None:
            print(line, file=self.out, flush=True)
        self.counts[split, kind] += 1
        if self.counts[split, kind] <= self.max_lines:
            print(line)
        elif self.counts[split, kind] == self.max_lines + 1:
            print(f'{split}: more problems of kind [{kind}] follow, only counted; --out FILE '
                  'lists all')


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


def print_summary(reports: List[SplitReport]) -> None:
    """Print the table, what to do about every kind of problem, and the number of errors."""
    console = Console()
    console.print(make_table(reports))
    counts = sum((report.counts for report in reports), Counter())
    for kind in [kind for kind in KINDS if counts[kind]]:
        print(f'{kind} ({KINDS[kind].level}): {KINDS[kind].remedy}')
    errors = sum(report.num_errors for report in reports)
    print(f'{errors:,} errors' if errors else 'no errors')
