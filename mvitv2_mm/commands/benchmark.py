"""``python -m mvitv2_mm benchmark``."""
import argparse
from pathlib import Path
from typing import Iterator

from .frame import MODEL, call, print_json

HELP = 'Compare speed and memory of MViTv2 implementations, and of their input pipelines.'
EXAMPLE = 'python -m mvitv2_mm benchmark --task image --arch tiny --mode inference'
JSON = 'a line for every row'

_NETWORKS = ('image', 'video', 'detection')
# options that other tasks do not read
_ANY = ('arch', 'mode', 'device', 'batch_size', 'profile', 'model')
_OTHERS = {
    'data': (*_ANY, 'sweep'),
    'scale': (*_ANY, 'data', 'peers', 'threads'),
    'export': ('mode', 'device', 'profile', 'sweep', 'cases', 'page', 'out_dir'),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        '--task',
        choices=[*_NETWORKS, *_OTHERS],
        help='networks of a task (default: of all), input pipelines of trainings (data), what work '
        'costs by its size (scale), or the formats of "export" on this CPU (export)')
    parser.add_argument(
        '--cases',
        nargs='+',
        metavar='NAME',
        help='of --task data or scale, for instance imagenet or clips (default: all)')
    parser.add_argument(
        '--data',
        nargs='+',
        type=Path,
        default=[],
        metavar='PATH',
        help='with --task data: folders of pictures or videos, and COCO annotations (default: '
        'files that are made); with --task export: files for --model to compare on')
    parser.add_argument(
        '--model', help='with --task export: a classifier or recognizer, as "predict" takes it'
    ).complete = MODEL
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
    parser.add_argument('--threads', type=int, help="default: torch's; 1 with --task data")
    parser.add_argument('--repeats', type=int, default=5, help='timed steps of each')
    parser.add_argument(
        '--sweep',
        nargs='+',
        type=int,
        metavar='SIZE',
        help='run the cases at these sides (images), clip lengths (videos) or sizes (scale) instead'
    )
    parser.add_argument(
        '--out-dir', type=Path, help='append to rows.jsonl; write tables and plots of all its rows')
    parser.add_argument(
        '--page', type=Path, help='Markdown page that gets the tables too (with --out-dir)')
    parser.add_argument(
        '--profile', action='store_true', help='show where the time of ours goes; compare nothing')


def run(args: argparse.Namespace) -> None:
    """Measure or profile."""
    from ..benchmark import job, report
    from ..errors import UsageError
    if args.page and not args.out_dir:
        raise UsageError('--page shows the rows of a folder; name it with --out-dir')
    _check(args)
    if args.task == 'export':
        return _compare_formats(args)
    if args.profile:
        cases = call(job.select_cases, args)
        for title, profile in call(job.profile_cases, args, cases=cases):
            report.print_profile(title, profile)
            if args.json:
                print_json(dict(title=title, operators=profile))
        return
    for rows in call(job.keep, args, measured=_measure(args)):
        report.print_rows(rows)
        for row in rows if args.json else ():
            print_json(row.as_dict())


def _check(args: argparse.Namespace) -> None:
    """Refuse options that the task does not read."""
    from ..errors import UsageError
    if args.task not in _OTHERS:
        unread = {'--cases': args.cases, '--data': args.data, '--model': args.model}
    else:
        unread = {f'--{name.replace("_", "-")}': getattr(args, name) for name in _OTHERS[args.task]}
    for option, value in unread.items():
        if value:
            raise UsageError(f'{option} is not for --task {args.task or "/".join(_NETWORKS)}')


def _measure(args: argparse.Namespace) -> Iterator[list]:
    if args.task == 'data':
        from ..benchmark.data_session import measure_data
        return call(measure_data, args)
    if args.task == 'scale':
        from ..benchmark.scale import measure_scale
        return call(measure_scale, args)
    from ..benchmark import job
    return call(job.measure_cases, args, cases=call(job.select_cases, args))


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
        samples = prepare(opened, list(map(str, args.data)))
        rows = call(formats.measure_formats, args, opened=opened, case=case, samples=samples)
        formats.print_rows(opened.name, rows)
        for row in rows if args.json else ():
            print_json(row.as_dict())
