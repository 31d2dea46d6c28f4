"""The table and the summary file at the end of the quickstart."""
import json
from pathlib import Path
from typing import List

from rich.console import Console
from rich.table import Table

from ..files import write_text
from .job import Outcome


def summarize(outcomes: List[Outcome]) -> dict:
    """Values, bounds and times of all tasks, as written to ``summary.json``."""
    return {
        outcome.task.name:
        dict(
            seconds=round(outcome.seconds, 1),
            results=[
                dict(
                    metric=target.label,
                    value=outcome.value(target),
                    wanted=target.wanted,
                    met=target.is_met(outcome.value(target))) for target in outcome.task.targets
            ])
        for outcome in outcomes
    }


def print_table(summary: dict) -> None:
    """Print one row per metric."""
    table = Table('task', 'metric', 'reached', 'wanted', '', 'seconds', title='quickstart')
    for name, task in summary.items():
        for i, row in enumerate(task['results']):
            mark = '[green]ok[/]' if row['met'] else '[red]MISSED[/]'
            table.add_row(name if i == 0 else '', row['metric'], f'{row["value"]:.4g}',
                          row['wanted'], mark, f'{task["seconds"]:.0f}' if i == 0 else '')
    Console().print(table)


def write_summary(summary: dict, folder: Path) -> None:
    """Write ``summary.json``, whole or not at all; tasks that did not run now are kept."""
    path = folder / 'summary.json'
    before = json.loads(path.read_text()) if path.exists() else {}
    write_text(path, json.dumps({**before, **summary}, indent=2))


def missed_targets(outcomes: List[Outcome]) -> str:
    """One line that names every missed target; empty if all are met."""
    missed = [
        f'{row["metric"]} is {row["value"]:.4g} but should be {row["wanted"]}'
        for task in summarize(outcomes).values() for row in task['results'] if not row['met']
    ]
    return f'quickstart missed its targets: {"; ".join(missed)}' if missed else ''
