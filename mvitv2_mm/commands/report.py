"""``python -m mvitv2_mm report``."""
import argparse
import os
from pathlib import Path

from .frame import print_json

HELP = 'Show what runs have learnt and what they get wrong: one HTML file.'
EXAMPLE = 'python -m mvitv2_mm report work_dirs/my_images'
JSON = 'the file, and the metrics of each run'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        'runs',
        nargs='+',
        metavar='RUN_OR_DUMP',
        help='work dir of a training, or predictions of "test --dump"; of several, the first is '
        'what the others are compared with')
    parser.add_argument(
        '--out', metavar='FILE.html', help='default: report.html in the folder of the first run')
    parser.add_argument('--config', help='config that was tested, where a dump lies alone')


def run(args: argparse.Namespace) -> None:
    """Write the report."""
    from ..engine.checks.output import check_output
    from ..report import write_report
    first = Path(args.runs[0])
    out = args.out or str((first if first.is_dir() else first.parent) / 'report.html')
    check_output('--out', out, '.html')
    done = write_report(args.runs, out, args.config)
    for one in done['runs']:
        if one['trouble']:
            print(f'{one["name"]}: {one["trouble"]}')
    if args.json:
        print_json(done)
    print(f'see {os.path.relpath(out)}')
