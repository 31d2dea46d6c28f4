"""The table of a model's size and cost."""
from typing import List

from rich.console import Console
from rich.table import Table

from .complexity import Complexity
from .flops import Macs


def print_complexity(result: Complexity, executed: Complexity) -> None:
    """Print one row per part of the model and one for the sum.

    Args:
        result (Complexity): Of the published formulation.
        executed (Complexity): Of what this implementation executes.
    """
    title = 'Input ' + ' x '.join(map(str, result.shape))
    table = Table('part', title=title, caption='G = 1e9 multiply-accumulates, M = 1e6 parameters')
    for heading in ('params', 'FLOPs', 'conv + matmul', 'layer norm', 'run here'):
        table.add_column(heading, justify='right')
    for name, macs in result.macs.items():
        table.add_row(*_row(name, result.params[name], macs, executed.macs[name]))
    table.add_section()
    table.add_row(*_row('total', result.total_params, result.total_macs, executed.total_macs))
    Console().print(table)
    print(f'Parameters: {result.total_params}\nFLOPs: {result.total_macs.total}')


def _row(name: str, params: int, macs: Macs, executed: Macs) -> List[str]:
    counts = (macs.total, macs.products, macs.norms, executed.total)
    return [name, f'{params / 1e6:,.2f} M'] + [f'{n / 1e9:,.2f} G' for n in counts]
