"""Arguments that several commands share, and the way from arguments to a function."""
import argparse
import inspect
from importlib import import_module
from typing import Any, Callable, List, Optional

# What a shell completes an argument with: ``parser.add_argument(...).complete = MODEL``. Files are
# completed without being asked for. See :mod:`.completion` for the functions of the shells.
CONFIG = dict.fromkeys(('bash', 'zsh'), '_mvitv2_mm_config_or_file')
MODEL = dict.fromkeys(('bash', 'zsh'), '_mvitv2_mm_model_or_file')
DATASET = dict.fromkeys(('bash', 'zsh'), '_mvitv2_mm_dataset_or_file')


class OptionAction(argparse.Action):
    """Collects KEY=VALUE in a dict; mmengine, which knows how to read values, comes with use."""

    def __call__(self,
                 parser: argparse.ArgumentParser,
                 namespace: argparse.Namespace,
                 values: List[str],
                 option_string: Optional[str] = None) -> None:
        import_module('mvitv2_mm.repairs')
        options = import_module('mvitv2_mm.config_options')
        try:
            parsed = options.parse_options(values)
        except ValueError as error:
            parser.error(f'{option_string}: {error}')
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), **parsed})


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every command that reads a config."""
    parser.add_argument(
        'config', help='path of a config, or the name of one of the zoo').complete = CONFIG
    add_config_options(parser)


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, which becomes a dict of dotted keys and values, or None."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionAction,
        metavar='KEY=VALUE',
        help='change settings of the config, e.g. train_dataloader.batch_size=8 "key=[a,b]"')


def add_model_arguments(parser: argparse.ArgumentParser, inputs: Optional[str] = None) -> None:
    """Add the arguments of every command that uses a model: which one, and where it runs.

    Args:
        parser (argparse.ArgumentParser): The parser.
        inputs (str, optional): What the model is given. Defaults to None: no arguments for that.
    """
    parser.add_argument(
        'model',
        metavar='MODEL',
        help='a model folder, the name of a published model, a checkpoint of a training with this '
        'package, or a config with --checkpoint').complete = MODEL
    if inputs is not None:
        parser.add_argument('inputs', metavar='INPUT', nargs='+', help=inputs)
    parser.add_argument('--checkpoint', help='weights, where MODEL is a config')
    parser.add_argument('--device', help='cpu, cuda or cuda:1; by default a GPU if there is one')


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how a model computes many inputs."""
    parser.add_argument('--amp', action='store_true', help='compute in half precision')
    parser.add_argument(
        '--batch-size',
        type=int,
        metavar='N',
        help="largest batch; by default that of the config's tests, and at most 16")


def add_video_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which parts and frames of a video a model is given."""
    parser.add_argument(
        '--stride',
        type=float,
        metavar='SECONDS',
        help='slide over a video and take a clip every so many seconds, 0 for one clip after the '
        'other; without it a video has one result, as in tests')
    parser.add_argument(
        '--every',
        type=int,
        default=1,
        metavar='N',
        help='of a video, give a model for pictures every N-th frame (default: 1)')


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing share."""
    add_config_arguments(parser)
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints, by default work_dirs/ and the name of the config')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes of a distributed run were started')
    # torch.distributed.launch passes it in either spelling
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def call(function: Callable, args: argparse.Namespace, **more: Any) -> Any:
    """Call a function with the arguments of the command line that bear its parameters' names.

    Args:
        function (Callable): What does the work of a command.
        args (argparse.Namespace): The arguments of the command.
        **more: Parameters that no argument of the command line bears the name of.
    """
    names = inspect.signature(function).parameters.keys() - more.keys()
    return function(**{name: getattr(args, name) for name in names}, **more)
