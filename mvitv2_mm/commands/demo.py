"""``python -m mvitv2_mm demo MODEL``."""
import argparse
import sys

from ..extras import require
from .frame import MODEL

HELP = 'Open a page on this machine where pictures and videos are dropped and predicted.'
EXAMPLE = 'python -m mvitv2_mm demo mvitv2-tiny_in1k'
JSON = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    model = parser.add_argument(
        'model',
        metavar='MODEL',
        help='a model folder, the name of a published model, a checkpoint of a training with this '
        'package, or a config with --checkpoint')
    model.complete = MODEL
    parser.add_argument('--checkpoint', help='weights, where MODEL is a config')
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
    parser.add_argument('--device', help='cpu, cuda or cuda:1; by default a GPU if there is one')


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
