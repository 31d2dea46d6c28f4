"""``python -m mvitv2_mm finetune``."""
import argparse

from .frame import MODEL, add_config_options, call, print_json

HELP = 'Train a network on your own pictures, boxes, clips or actions, and test it.'
EXAMPLE = 'python -m mvitv2_mm finetune data/my_images'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('data', help='folder or annotation file, see docs/finetune.md')
    parser.add_argument(
        '--arch',
        choices=['tiny', 'small', 'base', 'large', 'nano'],
        help='size of the network, by default the smallest with published weights; nano is for '
        'small pictures and random weights')
    parser.add_argument(
        '--from',
        dest='model',
        metavar='MODEL',
        help='what to start from: a published name, a model folder, a checkpoint, or none for '
        'random weights; by default the published weights of the network').complete = MODEL
    parser.add_argument(
        '--val',
        metavar='DATA|SHARE',
        help='validation data, or the share of the data to set aside, by default 0.2 where the '
        'data has no such split')
    parser.add_argument('--epochs', type=int, help='length of the training')
    parser.add_argument(
        '--out',
        metavar='DIR',
        help='folder for all results, by default work_dirs/ and the name '
        'of the data')
    add_config_options(parser)


def run(args: argparse.Namespace) -> None:
    """Train, test and report, going on where a stopped run was."""
    from ..own_data.finetune import finetune
    result = call(finetune, args)
    if args.json:
        print_json(result)
