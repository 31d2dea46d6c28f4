"""``python -m mvitv2_mm demo MODEL``."""
import argparse
import sys

from ..extras import require
from .frame import add_model_arguments

HELP = 'Open a page on this machine where pictures and videos are dropped and predicted.'
EXAMPLE = 'python -m mvitv2_mm demo mvitv2-tiny_in1k'
JSON = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_model_arguments(parser)
    parser.add_argument(
        '--port',
        type=int,
        default=8000,
        metavar='N',
        help='port of 127.0.0.1, 0 for any that is free (default: 8000)')
    parser.add_argument(
        '--boxes',
        metavar='FILE',
        help='where people are, for a model of their actions, as "predict" takes it')


def run(args: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    for module in ('starlette', 'uvicorn'):
        require(module, 'the demo')
    from ..checkpoints.model_source import open_model
    from ..demo.server import serve
    from ..inference.inferencer import Inferencer
    opened = open_model(args.model, args.checkpoint)
    for note in opened.notes:
        print(note, file=sys.stderr)
    words = ['predict', args.model]
    for name in ('checkpoint', 'boxes', 'device'):
        words += [f'--{name}', getattr(args, name)] if getattr(args, name) else []
    serve(Inferencer(opened, device=args.device, boxes=args.boxes), args.port, words)
