#!/usr/bin/env python
"""Make small data sets, train and test a small MViTv2 on each task, and report.

Data and results go into ``data/quickstart`` and ``work_dirs/quickstart`` of the current folder.
"""
import argparse
import sys
from pathlib import Path
from typing import List, Optional

from mvitv2_mm.quickstart.job import TASKS, run_task
from mvitv2_mm.quickstart.report import missed_targets, print_table, summarize, write_summary

WORK_DIR = Path('work_dirs/quickstart')


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--task',
        choices=['all', *(task.name for task in TASKS)],
        default='all',
        help='default: all three')
    return parser.parse_args(argv)


def main(argv: Optional[List[str]] = None) -> None:
    args = parse_args(argv)
    tasks = [task for task in TASKS if args.task in ('all', task.name)]
    try:
        outcomes = [run_task(task, WORK_DIR / task.name) for task in tasks]
    except RuntimeError as error:
        sys.exit(f'quickstart: {error}')
    summary = summarize(outcomes)
    write_summary(summary, WORK_DIR)
    print_table(summary)
    print(f'see {WORK_DIR}/summary.json')
    sys.exit(missed_targets(outcomes) or 0)


if __name__ == '__main__':
    main()
