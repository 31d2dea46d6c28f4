"""``python -m mvitv2_mm completion``."""
import argparse

from .frame import completion_script

HELP = 'Print a script with which bash or zsh completes commands, options and names.'
EXAMPLE = 'eval "$(python -m mvitv2_mm completion bash)"'
JSON = None
REPAIRS = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('shell', choices=['bash', 'zsh'])


def run(args: argparse.Namespace) -> None:
    """Print the script."""
    print(completion_script(args.shell))
