#!/usr/bin/env python
"""Count parameters and FLOPs (multiply-accumulates of one view) of the model of a config.

The published formulation is counted, fused attention exactly; see mvitv2_mm/analysis/flops.py. A
detector sends 1000 proposals through its box heads and 100 through its mask heads.
"""
import argparse
from typing import List, Optional

from rich.console import Console
from rich.table import Table

from mvitv2_mm.analysis import Complexity, Macs, measure
from mvitv2_mm.engine.launch import add_config_arguments, load_config, one_line_errors


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument(
        '--shape',
        nargs='+',
        type=int,
        metavar='N',
        help='size of the input, H W for images or T H W for clips; by default the size the '
        'backbone is built for, for detectors 800 1280')
    return parser.parse_args(argv)


def make_table(result: Complexity, executed: Complexity) -> Table:
    """One row per part of the model and one for the sum."""
    title = 'Input ' + ' x '.join(map(str, result.shape))
    table = Table('part', title=title, caption='G = 1e9 multiply-accumulates, M = 1e6 parameters')
    for heading in ('params', 'FLOPs', 'conv + matmul', 'layer norm', 'run here'):
        table.add_column(heading, justify='right')
    for name, macs in result.macs.items():
        table.add_row(*_row(name, result.params[name], macs, executed.macs[name]))
    table.add_section()
    table.add_row(*_row('total', result.total_params, result.total_macs, executed.total_macs))
    return table


def _row(name: str, params: int, macs: Macs, executed: Macs) -> List[str]:
    counts = (macs.total, macs.products, macs.norms, executed.total)
    return [name, f'{params / 1e6:,.2f} M'] + [f'{n / 1e9:,.2f} G' for n in counts]


def main(argv: Optional[List[str]] = None) -> Complexity:
    args = parse_args(argv)
    with one_line_errors():
        cfg = load_config(args.config, args.cfg_options)
        result = measure(cfg, args.shape)
    Console().print(make_table(result, measure(cfg, args.shape, published=False)))
    print(f'Parameters: {result.total_params}\nFLOPs: {result.total_macs.total}')
    return result


if __name__ == '__main__':
    main()
