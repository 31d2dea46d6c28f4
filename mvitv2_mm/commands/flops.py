"""``python -m mvitv2_mm flops``."""
import argparse

from .frame import add_config_arguments, print_json

HELP = 'Count parameters and FLOPs (multiply-accumulates of one view) of the model of a config.'
EXAMPLE = 'python -m mvitv2_mm flops mvitv2-tiny_8xb256_in1k'
JSON = 'the counts'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_config_arguments(parser)
    parser.add_argument(
        '--shape',
        nargs='+',
        type=int,
        metavar='N',
        help='size of the input, H W for images or T H W for clips; by default the size the '
        'backbone is built for, for detectors 800 1280. The published formulation is counted, '
        'fused attention exactly; a detector sends 1000 proposals through its box heads and 100 '
        'through its mask heads')


def run(args: argparse.Namespace) -> None:
    """Count."""
    from ..analysis import measure
    from ..analysis.printing import print_complexity
    from ..config_files import load_config
    cfg = load_config(args.config, args.cfg_options)
    result = measure(cfg, args.shape)
    if args.json:
        print_json(result.as_dict())
    print_complexity(result, measure(cfg, args.shape, published=False))
