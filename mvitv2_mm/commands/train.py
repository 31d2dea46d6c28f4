"""``python -m mvitv2_mm train``."""
import argparse

from .frame import add_runner_arguments, call, only_expected, print_json

HELP = 'Train a model of any task from a config.'
EXAMPLE = 'python -m mvitv2_mm train mvitv2-tiny_8xb256_in1k --amp'
JSON = 'work dir, last checkpoint and last metrics'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_runner_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue from a checkpoint, by default from the latest one in the work dir')
    parser.add_argument('--amp', action='store_true', help='train in mixed precision')
    parser.add_argument(
        '--amp-dtype',
        choices=['float16', 'bfloat16'],
        help='type of mixed precision (implies --amp), by default bfloat16 on a CPU, else float16')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the batch size over auto_scale_lr.base_batch_size')
    parser.add_argument(
        '--no-validate', action='store_true', help='do not evaluate during training')


def run(args: argparse.Namespace) -> None:
    """Train."""
    from ..checkpoints import CheckpointError
    from ..engine.training import prepare_training, summarize
    runner = call(prepare_training, args)
    with only_expected(CheckpointError, OSError):
        runner.train()
    if args.json and runner.rank == 0:
        print_json(summarize(runner))
