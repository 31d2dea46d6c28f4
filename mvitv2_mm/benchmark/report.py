"""Tables and plots of measured rows."""
import json
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

from ..files import write_text
from .peers import OTHER_NETWORKS, OURS
from .session import Row

_FILE_WIDTH = 200
_COLUMNS = ('implementation', 'ms / step (min - max)', 'per second', 'time relative to ours',
            'memory MiB', 'our memory relative to it', 'GMACs', 'GFLOP/s (of matmul peak)',
            'max rel. difference')
_MARK = '<!-- What follows is written by python -m mvitv2_mm benchmark --page -->'


def append_rows(rows: Sequence[Row], folder: Path) -> None:
    """Append to ``rows.jsonl``, one JSON line per row."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / 'rows.jsonl').open('a') as file:
        file.writelines(json.dumps(row.as_dict()) + '\n' for row in rows)


def read_rows(folder: Path) -> List[Row]:
    """All rows in a folder's ``rows.jsonl``; the last of a setting and implementation counts."""
    lines = (folder / 'rows.jsonl').read_text().splitlines()
    rows = (Row.from_dict(json.loads(line)) for line in lines)
    return list({(row.machine, row.setting, row.name): row for row in rows}.values())


def _group(rows: Sequence[Row], key: Callable[[Row], str]) -> Dict[str, List[Row]]:
    """Rows by their key, in the order they come."""
    groups: Dict[str, List[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _cells(row: Row, ours: Row) -> Tuple[str, ...]:
    is_other = row.name in OTHER_NETWORKS
    time, memory = f'{row.median / ours.median:.2f}x', f'{ours.memory / row.memory:.0%}'
    difference = '-' if row.difference is None else f'{row.difference:.1e}'
    return (row.name, f'{1e3 * row.median:.0f} ({1e3 * row.fastest:.0f} - '
            f'{1e3 * row.slowest:.0f})', f'{row.throughput:.2f}', '-' if is_other else time,
            f'{row.memory:.0f}', '-' if is_other else memory, f'{row.gmacs:.1f}',
            f'{row.gflops:.0f} ({row.peak_share:.0%})', difference)


def _ours(group: Sequence[Row]) -> Row:
    return next(row for row in group if row.name == OURS)


def print_rows(rows: Sequence[Row]) -> None:
    """Print one table per case and mode."""
    from rich.console import Console
    from rich.table import Column, Table
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    for title, group in _group(rows, lambda row: row.setting).items():
        table = Table(*(Column(name, no_wrap=True) for name in _COLUMNS), title=title)
        for row in group:
            table.add_row(*_cells(row, _ours(group)))
        console.print(table)


def print_profile(title: str, profile: Sequence[Tuple[str, int, float]]) -> None:
    """Print the 12 operators that take the most time, of (operator, calls, share of the time)."""
    from rich.console import Console
    from rich.table import Table
    table = Table('operator', 'calls', 'share of time', title=title)
    for name, calls, share in profile[:12]:
        table.add_row(name, str(calls), f'{share:.1%}')
    Console().print(table)


def to_markdown(rows: Sequence[Row]) -> str:
    """The tables, under the machine they were measured on."""
    lines = []
    for machine, own in _group(rows, lambda row: row.machine).items():
        lines += [f'### {machine}', '']
        for title, group in _group(own, lambda row: row.setting).items():
            lines += [f'**{title}**', '']
            table = [_COLUMNS, ['---'] * len(_COLUMNS), *(_cells(r, _ours(group)) for r in group)]
            lines += [f'| {" | ".join(cells)} |' for cells in table] + ['']
    return '\n'.join(lines)


def write_page(rows: Sequence[Row], page: Path) -> None:
    """Replace what follows the mark in a Markdown page by the tables.

    Raises:
        ValueError: If the page has no mark.
    """
    head, mark, _ = page.read_text().partition(_MARK)
    if not mark:
        raise ValueError(f'"{page}" has no line "{_MARK}" to write the tables after')
    write_text(page, f'{head}{_MARK}\n\n{to_markdown(rows)}')


def plot_rows(rows: Sequence[Row], folder: Path) -> None:
    """Draw throughput and memory: of every case per mode, and against the size where it varies."""
    comparable = [row for row in rows if row.name not in OTHER_NETWORKS]
    for mode, chosen in _group(comparable, lambda row: row.mode).items():
        _draw(chosen, lambda row: f'{row.case}\n{row.dtype}', mode,
              folder / f'benchmark_{mode}.png')
        for title, sweep in _group(chosen, _sweep_title).items():
            if len({row.size for row in sweep}) > 1:
                sweep.sort(key=lambda row: row.size)
                _draw(sweep, lambda row: row.size, title,
                      folder / f'sweep_{title.replace(" ", "_")}.png')


def _sweep_title(row: Row) -> str:
    task, arch, _ = row.case.split()
    return f'{task} {arch} {row.mode} {row.dtype} batch {row.batch_size}'


def _draw(rows: Sequence[Row], place, title: str, path: Path) -> None:
    """One line per implementation; ``place`` maps a row to its place on the x axis."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.5), constrained_layout=True)
    for name, own in _group(rows, lambda row: row.name).items():
        for axis, key in zip(axes, ('throughput', 'memory')):
            values = [getattr(row, key) for row in own]
            axis.plot([place(row) for row in own], values, 'o-', label=name)
    for axis, label in zip(axes, ('images or clips per second', 'memory per step, MiB')):
        axis.set(ylabel=label, yscale='log', title=title)
        axis.tick_params(axis='x', rotation=30)
        axis.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
