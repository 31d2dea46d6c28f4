"""``python -m mvitv2_mm gpu-check``."""
import argparse
from pathlib import Path

from .frame import call, print_json

HELP = 'Check numbers, speed and memory of the network on a GPU; a page and a line of JSON.'
EXAMPLE = 'python -m mvitv2_mm gpu-check --out-dir work_dirs/gpu_check'
JSON = 'everything that was found'
REPAIRS = False  # the network is measured without OpenMMLab's packages too


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('--device', help='default: cuda if there is one, else cpu')
    parser.add_argument(
        '--dtype',
        choices=['float32', 'bfloat16', 'float16'],
        help='of what is timed; default: bfloat16 where the GPU has it, else float16')
    parser.add_argument('--batch-size', type=int, help='default: that of each network')
    parser.add_argument('--repeats', type=int, default=3, help='timed rounds of each')
    parser.add_argument(
        '--minutes', type=float, default=7., help='begin nothing that would not end within them')
    parser.add_argument(
        '--small', action='store_true', help='tiny networks and inputs, to try the command itself')
    parser.add_argument(
        '--out-dir',
        type=Path,
        default=Path('work_dirs/gpu_check'),
        help='gets gpu_check.md and gpu_check.json (default: work_dirs/gpu_check)')


def run(args: argparse.Namespace) -> int:
    """Check; exit code 1 if a number is wrong or could not be compared."""
    from ..benchmark import gpu_check, gpu_page
    result = call(gpu_check.check, args)
    gpu_page.write_result(result, args.out_dir)
    if args.json:
        print_json(result.as_dict())
    print(f'{gpu_page.verdict(result)} {args.out_dir / gpu_page.PAGE}')
    return int(not result.agrees)
