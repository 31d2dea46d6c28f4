"""``python -m mvitv2_mm run``."""
import argparse

from .frame import only_expected

HELP = "Run a host library's tool with the repairs applied."
EXAMPLE = 'python -m mvitv2_mm run mmdet:tools/test.py CONFIG CHECKPOINT'
JSON = None
REPAIRS = False  # they are applied with the script


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('script', help='a path, or PACKAGE:PATH such as mmdet:tools/test.py')
    parser.add_argument('args', nargs=argparse.REMAINDER, help='arguments of the script')


def run(args: argparse.Namespace) -> None:
    """Run the script; its errors are its own."""
    from ..scripts import find_script, run_script
    find_script(args.script)
    with only_expected():
        run_script(args.script, args.args)
