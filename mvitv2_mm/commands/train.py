"""``python -m mvitv2_mm train``."""
import argparse
from typing import Any, Optional

from .frame import add_runner_arguments, call, lasting, only_expected, print_json

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
    parser.add_argument(
        '--on-nan',
        choices=['stop', 'skip'],
        help='what to do when the loss or gradient is NaN or infinite: end (the default), or go on '
        'without the step, up to 16 times in a row')
    parser.add_argument(
        '--deterministic',
        action='store_true',
        help='make runs equal bit for bit on a CPU, for any number of data workers; on a GPU as '
        'far as its kernels can')
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help='do not train, but show what the training will do and cost, its first batches, and '
        'what is wrong; results go to dry_run/ in the work dir')
    parser.add_argument(
        '--overfit',
        action='store_true',
        help='a dry run that also sees whether the network can learn one batch by heart')


def run(args: argparse.Namespace) -> Optional[int]:
    """Train, or look at the training before it begins."""
    with lasting():
        from ..checkpoints import CheckpointError
        from ..engine.finite import NotFiniteError
        from ..engine.training import prepare_config, prepare_runner, summarize, train
        cfg = call(prepare_config, args)
    if args.dry_run or args.overfit:
        return _look(cfg, args)
    with lasting():
        runner = prepare_runner(cfg)
    with only_expected(CheckpointError, OSError, NotFiniteError):
        train(runner)
    if args.json and runner.rank == 0:
        print_json(summarize(runner))


def _look(cfg: Any, args: argparse.Namespace) -> int:
    """Look before the training; 1 if there are errors."""
    from ..dry_run import summarize
    from ..dry_run.job import dry_run
    found = dry_run(cfg, args.overfit)
    if args.json:
        print_json(found)
    else:
        print('\n'.join(summarize(found)))
    return int(any(finding['level'] == 'error' for finding in found['findings']))
