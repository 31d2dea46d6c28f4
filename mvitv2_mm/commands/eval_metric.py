"""``python -m mvitv2_mm eval-metric``."""
import argparse

from .frame import add_config_arguments, call, print_json

HELP = 'Evaluate predictions that a test has dumped.'
EXAMPLE = 'python -m mvitv2_mm eval-metric configs/quickstart/image.py result.pkl'
JSON = 'the metrics'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_config_arguments(parser)
    parser.add_argument('predictions', metavar='FILE.pkl', help='what "test --dump" wrote')
    parser.add_argument('--out-metrics', metavar='FILE.json', help='save the metrics')


def run(args: argparse.Namespace) -> None:
    """Evaluate."""
    from ..engine.checks.output import check_output
    from ..engine.testing import evaluate_dump
    from ..files import to_json, write_text
    if args.out_metrics:
        check_output('--out-metrics', args.out_metrics, '.json')
    metrics = call(evaluate_dump, args)
    if args.out_metrics:
        write_text(args.out_metrics, to_json(metrics, indent=2))
    if args.json:
        print_json(metrics)
    print(metrics)
