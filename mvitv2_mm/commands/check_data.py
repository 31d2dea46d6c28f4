"""``python -m mvitv2_mm check-data``."""
import argparse
import os

from ..names import DATASETS, OWN_DATA
from .frame import DATASET, print_json

HELP = 'Check a dataset on disk: layout, counts, labels, boxes, missing and unreadable files.'
EXAMPLE = 'python -m mvitv2_mm check-data images --data-root my_pictures'
JSON = 'a line for every problem and then one for every split'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        'dataset',
        help=f'{", ".join(DATASETS)}; for your own data {", ".join(OWN_DATA)}, a COCO-style .json, '
        'or a config, of which all datasets are checked').complete = DATASET
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


def run(args: argparse.Namespace) -> int:
    """Check; exit code 1 if there are errors."""
    from contextlib import nullcontext

    from ..data_check import check, find_splits
    from ..data_check.printing import ProblemPrinter, print_summary
    from ..progress import shown_progress
    splits = find_splits(args.dataset, args.data_root)
    with open(args.out, 'w') if args.out else nullcontext() as out, shown_progress() as track:
        show = ProblemPrinter(args.max_lines, out)

        def on_problem(split: str, problem: tuple) -> None:
            show(split, problem)
            if args.json:
                print_json(dict(split=split, **problem._asdict()))

        reports = check(splits, args.workers, args.quick, on_problem, track)
    print_summary(reports)
    for report in reports if args.json else ():
        print_json(report.as_dict())
    return int(any(report.num_errors for report in reports))
