"""``python -m mvitv2_mm print-config``."""
import argparse

from .frame import add_config_arguments, print_json

HELP = 'Print a config with everything it inherits.'
EXAMPLE = 'python -m mvitv2_mm print-config mvitv2-tiny_8xb256_in1k'
JSON = 'the config'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Print the config."""
    from ..config_files import load_config
    cfg = load_config(args.config, args.cfg_options, imports=False)
    if args.json:
        print_json(cfg.to_dict())
    else:
        print(cfg.pretty_text)
