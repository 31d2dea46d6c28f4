"""``python -m mvitv2_mm push MODEL OWNER/NAME``."""
import argparse
from pathlib import Path

from .frame import MODEL, print_json

HELP = 'Upload a model to the Hugging Face Hub, as a model folder with a card.'
EXAMPLE = 'python -m mvitv2_mm push work_dirs/flowers/model me/flowers'
JSON = 'the address of the upload'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('model', metavar='MODEL', help='what "predict" takes').complete = MODEL
    parser.add_argument(
        'repo', metavar='OWNER/NAME', help='repository; it is created if there is none')
    parser.add_argument('--checkpoint', help='weights, where MODEL is a config')
    parser.add_argument('--private', action='store_true', help='make a new repository private')
    parser.add_argument(
        '--look',
        metavar='FOLDER',
        help='upload nothing: write there what would be uploaded, with the card as README.md')


def run(args: argparse.Namespace) -> None:
    """Upload, or write what would be uploaded."""
    from ..checkpoints.card import push, write_with_card
    from ..checkpoints.model_source import open_model
    model = open_model(args.model, args.checkpoint)
    if args.look:
        place = str(write_with_card(model, Path(args.look), args.repo))
    else:
        place = push(model, args.repo, args.private)
    if args.json:
        print_json(dict(place=place, name=model.name, task=model.task))
    print(f'{model.name} is in {place}')
