"""``python -m mvitv2_mm test``."""
import argparse

from .frame import MODEL, add_runner_arguments, call, lasting, only_expected, print_json

HELP = 'Test a checkpoint of any task with a config.'
EXAMPLE = 'python -m mvitv2_mm test mvitv2-tiny_8xb256_in1k mvitv2-tiny_in1k'
JSON = 'the metrics'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_runner_arguments(parser)
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='path or URL of a checkpoint, or a published model; not given if CONFIG is a model: a '
        'model folder, a published model, or a checkpoint of a training').complete = MODEL
    parser.add_argument(
        '--dump', metavar='FILE.pkl', help='save all predictions, for the command eval-metric')
    parser.add_argument('--out-metrics', metavar='FILE.json', help='save the metrics')
    parser.add_argument('--show-dir', metavar='FOLDER', help='save a picture of every prediction')
    parser.add_argument(
        '--tta', action='store_true', help="use the config's test-time augmentation")


def run(args: argparse.Namespace) -> None:
    """Test."""
    with lasting():
        from ..checkpoints import CheckpointError
        from ..engine.agreement import explained_peers
        from ..engine.checks.output import check_output
        from ..engine.lost_workers import explained_workers
        from ..engine.testing import check_saved, prepare_test
        from ..files import to_json, write_text
    if args.out_metrics:
        check_output('--out-metrics', args.out_metrics, '.json')
    with lasting():
        runner = call(prepare_test, args)
    with only_expected(CheckpointError, OSError), explained_peers(), explained_workers(runner):
        metrics = runner.test()
    if args.out_metrics and runner.rank == 0:
        write_text(args.out_metrics, to_json(metrics, indent=2))
    if args.json and runner.rank == 0:
        print_json(metrics)
    check_saved(runner)
