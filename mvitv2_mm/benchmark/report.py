"""Tables and plots of measured rows."""
import json
from importlib import import_module
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Sequence, Tuple, Type

from ..files import write_text
from .peers import OTHER_NETWORKS
from .rows import Row
from .session import NetworkRow

_FILE_WIDTH = 200
_MARK = '<!-- What follows is written by python -m mvitv2_mm benchmark --page: {} -->'
_END = '<!-- The end of what is written -->'
# of rows; only the first can be had without OpenMMLab's packages
_KINDS = dict(networks='session.NetworkRow', data='data_session.DataRow', scale='scale.ScaleRow')


def append_rows(rows: Sequence[Row], folder: Path) -> None:
    """Append to ``rows.jsonl``, one JSON line per row."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / 'rows.jsonl').open('a') as file:
        file.writelines(json.dumps(dict(row.as_dict(), kind=row.kind)) + '\n' for row in rows)


def read_rows(folder: Path) -> List[Row]:
    """All rows in a folder's ``rows.jsonl``; the last of a setting and implementation counts."""
    lines = (folder / 'rows.jsonl').read_text().splitlines()
    rows = (
        _row_type(values.get('kind', NetworkRow.kind)).from_dict(values)
        for values in map(json.loads, lines))
    return list({(row.machine, row.kind, row.setting, row.name): row for row in rows}.values())


def _row_type(kind: str) -> Type[Row]:
    module, _, name = _KINDS[kind].partition('.')
    return getattr(import_module(f'.{module}', __package__), name)


def _group(rows: Sequence[Row], key: Callable[[Row], str]) -> Dict[str, List[Row]]:
    """Rows by their key, in the order they come."""
    groups: Dict[str, List[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _lines(group: Sequence[Row]) -> List[Tuple[str, ...]]:
    """The cells of a table, its head first."""
    lines = [group[0].columns, *(row.cells(group) for row in group)]
    return list(zip(*lines)) if group[0].in_columns else lines


def print_rows(rows: Sequence[Row]) -> None:
    """Print one table per case and mode."""
    from rich.console import Console
    from rich.table import Column, Table
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    for title, group in _group(rows, lambda row: row.setting).items():
        head, *lines = _lines(group)
        table = Table(*(Column(name, no_wrap=True) for name in head), title=title)
        for cells in lines:
            table.add_row(*cells)
        console.print(table)


def print_profile(title: str, profile: Sequence[Tuple[str, int, float]]) -> None:
    """Print the 12 operators that take the most time, of (operator, calls, share of the time)."""
    from rich.console import Console
    from rich.table import Table
    table = Table('operator', 'calls', 'share of time', title=title)
    for name, calls, share in profile[:12]:
        table.add_row(name, str(calls), f'{share:.1%}')
    Console().print(table)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> List[str]:
    """Lines of a table, and an empty one after it."""
    table = [head, ['---'] * len(head), *rows]
    return [f'| {" | ".join(cells)} |' for cells in table] + ['']


def to_markdown(rows: Sequence[Row]) -> str:
    """The tables, under the machine they were measured on."""
    lines = []
    for machine, own in _group(rows, lambda row: row.machine).items():
        lines += [f'### {machine}', '']
        for title, group in _group(own, lambda row: row.setting).items():
            lines += [f'**{title}**', '']
            head, *others = _lines(group)
            lines += markdown_table(head, others)
    return '\n'.join(lines)


def write_page(rows: Sequence[Row], page: Path) -> None:
    """Replace the tables of these kinds in a Markdown page, between their marks.

    Raises:
        ValueError: If the page lacks a mark.
    """
    text = page.read_text()
    for kind, own in _group(rows, lambda row: row.kind).items():
        head, mark, rest = text.partition(_MARK.format(kind))
        _, end, tail = rest.partition(_END)
        if not end:
            raise ValueError(f'"{page}" has no lines "{_MARK.format(kind)}" and "{_END}" to write '
                             'the tables between')
        text = f'{head}{mark}\n\n{to_markdown(own)}\n{end}{tail}'
    write_text(page, text)


def plot_rows(rows: Sequence[Row], folder: Path) -> None:
    """Draw throughput and memory of networks: of every case, and against the size if it varies."""
    comparable = [
        row for row in rows if row.kind == NetworkRow.kind and row.name not in OTHER_NETWORKS
    ]
    for mode, chosen in _group(comparable, lambda row: row.mode).items():
        _draw(chosen, lambda row: f'{row.case}\n{row.dtype}', mode,
              folder / f'benchmark_{mode}.png')
        for title, sweep in _group(chosen, _sweep_title).items():
            if len({row.size for row in sweep}) > 1:
                sweep.sort(key=lambda row: row.size)
                _draw(sweep, lambda row: row.size, title,
                      folder / f'sweep_{title.replace(" ", "_")}.png')


def _sweep_title(row: NetworkRow) -> str:
    task, arch, _ = row.case.split()
    return f'{task} {arch} {row.mode} {row.dtype} batch {row.batch_size}'


def _draw(rows: Sequence[NetworkRow], place, title: str, path: Path) -> None:
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
