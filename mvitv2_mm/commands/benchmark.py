"""``python -m mvitv2_mm benchmark``."""
import argparse
from pathlib import Path

from .frame import MODEL, call, print_json

HELP = 'Compare speed and memory of MViTv2 implementations with the same weights.'
EXAMPLE = 'python -m mvitv2_mm benchmark --task image --arch tiny --mode inference'
JSON = 'a line for every row'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        '--task',
        choices=['image', 'video', 'detection', 'export'],
        help='default: the first three; "export" compares the formats of "export" on this CPU')
    parser.add_argument('--arch', help='only cases of this size, for instance tiny')
    parser.add_argument('--mode', choices=['inference', 'training'], help='default: both')
    parser.add_argument('--peers', nargs='+', metavar='NAME', help='default: all')
    parser.add_argument('--device', help='default: cuda if there is one, else cpu')
    parser.add_argument(
        '--dtype',
        choices=['float32', 'bfloat16', 'float16'],
        default='float32',
        help='float32, or autocast to another type')
    parser.add_argument('--batch-size', type=int, help='default: that of the case')
    parser.add_argument('--threads', type=int, help="default: torch's")
    parser.add_argument('--repeats', type=int, default=5, help='timed steps of each')
    parser.add_argument(
        '--sweep',
        nargs='+',
        type=int,
        metavar='SIZE',
        help='run the cases at these sides (images) or clip lengths (videos) instead')
    parser.add_argument(
        '--out-dir', type=Path, help='append to rows.jsonl; write tables and plots of all its rows')
    parser.add_argument(
        '--page', type=Path, help='Markdown page that gets the tables too (with --out-dir)')
    parser.add_argument(
        '--profile', action='store_true', help='show where the time of ours goes; compare nothing')
    model = parser.add_argument(
        '--model', help='with --task export: a classifier or recognizer, as "predict" takes it')
    model.complete = MODEL
    parser.add_argument(
        '--data', nargs='+', default=(), metavar='INPUT', help='files for --model to compare on')


def run(args: argparse.Namespace) -> None:
    """Measure or profile."""
    if args.task == 'export':
        _compare_formats(args)
        return
    from ..benchmark import job, report
    from ..errors import UsageError
    if args.page and not args.out_dir:
        raise UsageError('--page shows the rows of a folder; name it with --out-dir')
    cases = call(job.select_cases, args)
    if args.profile:
        for title, profile in call(job.profile_cases, args, cases=cases):
            report.print_profile(title, profile)
            if args.json:
                print_json(dict(title=title, operators=profile))
        return
    for rows in call(job.measure_cases, args, cases=cases):
        report.print_rows(rows)
        for row in rows if args.json else ():
            print_json(row.as_dict())


def _compare_formats(args: argparse.Namespace) -> None:
    """Of one model, or of the published recipes with random weights."""
    from ..checkpoints.model_source import open_model
    from ..errors import UsageError
    from ..export import formats
    from .export import prepare
    if args.data and not args.model:
        raise UsageError('--data is prepared as a model wants it; name it with --model')
    models = [(open_model(args.model), None)] if args.model else formats.random_models(args.arch)
    for opened, case in models:
        samples = prepare(opened, args.data)
        rows = call(formats.measure_formats, args, opened=opened, case=case, samples=samples)
        formats.print_rows(opened.name, rows)
        for row in rows if args.json else ():
            print_json(row.as_dict())
