"""``python -m mvitv2_mm convert``."""
import argparse
from dataclasses import asdict
from pathlib import Path

from ..names import INFLATE_MODES, LAYOUTS
from .frame import CONFIG, MODEL, print_json

HELP = 'Convert or describe a checkpoint of any known layout; list the published ones.'
EXAMPLE = 'python -m mvitv2_mm convert MViTv2_T_in1k.pyth mvitv2-tiny.safetensors'
JSON = 'what became of every tensor (with --list, the models)'
REPAIRS = False  # --list needs none


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        'src', nargs='?',
        help='file, URL, or name of a published model; or a model folder').complete = MODEL
    parser.add_argument(
        'dst',
        nargs='?',
        help='file to write: .pth, .pyth, .safetensors, or .pkl for detectron2; or, without such '
        'an ending, a model folder; if not given, SRC is only described')
    parser.add_argument(
        '--to', choices=LAYOUTS, default='openmmlab', help='names to write (default: %(default)s)')
    parser.add_argument('--config', help='config of the model that SRC must fit').complete = CONFIG
    parser.add_argument(
        '--inflate',
        choices=INFLATE_MODES,
        default='centre',
        help='how an image checkpoint fills the frames of a video config (default: %(default)s)')
    parser.add_argument('--list', action='store_true', help='list the published models')


def run(args: argparse.Namespace) -> None:
    """Convert, describe or list."""
    from ..errors import UsageError
    from ..names import read_zoo
    if args.list:
        models = read_zoo().values()
        if args.json:
            print_json([asdict(model) for model in models])
        print(*models, sep='\n')
        return
    if not args.src:
        raise UsageError('give SRC, or --list')
    from .. import repairs  # noqa: F401
    from ..checkpoints import convert
    from ..engine.launch import build_model
    if args.dst and not Path(args.dst).suffix:
        return _write_folder(args)
    model = build_model(args.config) if args.config else None
    report = convert(args.src, args.dst, args.to, model, args.inflate)
    if args.json:
        print_json(report.as_dict())
    print(report)


def _write_folder(args: argparse.Namespace) -> None:
    from ..checkpoints.model_source import open_model, save_model
    from ..errors import UsageError
    if args.to != 'openmmlab':
        raise UsageError(f'--to {args.to}: a model folder has the names of openmmlab')
    model = open_model(args.config, args.src) if args.config else open_model(args.src)
    save_model(model, args.dst)
    for note in model.notes:
        print(f'note: {note}')
    if args.json:
        print_json(dict(folder=args.dst, name=model.name, task=model.task, notes=model.notes))
    print(f'{model.name} is saved in {args.dst}')
