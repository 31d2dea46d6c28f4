"""Tables and plots of measured rows."""
import os
import platform
from itertools import groupby
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

import torch
from rich.console import Console
from rich.table import Column, Table

from .peers import OTHER_NETWORKS, OURS
from .session import Row

_FILE_WIDTH = 160
_COLUMNS = ('implementation', 'ms / step (min - max)', 'per second', 'ours is faster by',
            'memory MiB', 'ours needs', 'GMACs', 'of matmul peak', 'max rel. difference')


def _groups(rows: Sequence[Row]) -> Iterator[Tuple[str, List[Row]]]:
    for key, group in groupby(rows, key=lambda row: (row.case, row.mode)):
        group = list(group)
        row = group[0]
        yield (f'{row.case}, {row.mode}, batch {row.batch_size}, {row.dtype} on {row.device}, '
               f'{row.threads} threads'), group


def _cells(row: Row, ours: Row) -> Tuple[str, ...]:
    is_other = row.name in OTHER_NETWORKS
    faster, needs = f'{row.median / ours.median:.2f}x', f'{ours.memory / row.memory:.0%}'
    difference = '-' if row.difference is None else f'{row.difference:.1e}'
    return (row.name, f'{1e3 * row.median:.0f} ({1e3 * row.fastest:.0f} - '
            f'{1e3 * row.slowest:.0f})', f'{row.throughput:.2f}', '-' if is_other else faster,
            f'{row.memory:.0f}', '-' if is_other else needs, f'{row.gmacs:.1f}',
            f'{row.peak_share:.0%}', difference)


def _ours(group: Sequence[Row]) -> Row:
    return next(row for row in group if row.name == OURS)


def print_rows(rows: Sequence[Row]) -> None:
    """Print one table per case and mode."""
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    for title, group in _groups(rows):
        table = Table(*(Column(name, no_wrap=True) for name in _COLUMNS), title=title)
        for row in group:
            table.add_row(*_cells(row, _ours(group)))
        console.print(table)


def write_markdown(rows: Sequence[Row], path: Path) -> None:
    """Write the tables with what they were measured on."""
    lines = [
        f'Measured with PyTorch {torch.__version__} on {platform.machine()}, '
        f'{os.cpu_count()} CPU cores.', ''
    ]
    for title, group in _groups(rows):
        lines += [f'**{title}**', '', ' | '.join(_COLUMNS), ' | '.join(['---'] * len(_COLUMNS))]
        lines += [' | '.join(_cells(row, _ours(group))) for row in group] + ['']
    path.write_text('\n'.join(lines))


def plot_rows(rows: Sequence[Row], folder: Path) -> None:
    """Draw throughput and memory of every case, one picture per mode."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    for mode in dict.fromkeys(row.mode for row in rows):
        chosen = [row for row in rows if row.mode == mode and row.name not in OTHER_NETWORKS]
        figure, axes = plt.subplots(1, 2, figsize=(12, 4.5), constrained_layout=True)
        cases = list(dict.fromkeys(row.case for row in chosen))
        for name in dict.fromkeys(row.name for row in chosen):
            own = {row.case: row for row in chosen if row.name == name}
            known = [case for case in cases if case in own]
            for axis, key in zip(axes, ('throughput', 'memory')):
                axis.plot(known, [getattr(own[case], key) for case in known], 'o-', label=name)
        for axis, label in zip(axes, ('images or clips per second', 'memory per step, MiB')):
            axis.set(ylabel=label, yscale='log', title=mode)
            axis.tick_params(axis='x', rotation=30)
            axis.legend()
        figure.savefig(folder / f'benchmark_{mode}.png', dpi=120)
        plt.close(figure)
