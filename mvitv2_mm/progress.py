"""Progress of long work, on the standard error, where a terminal shows it."""
import sys
from contextlib import contextmanager
from typing import Callable, Iterable, Iterator, Optional

from rich.console import Console
from rich.progress import (BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn,
                           TimeRemainingColumn)


@contextmanager
def shown_progress() -> Iterator[Callable[[Iterable, int, str], Iterable]]:
    """Yield a function that wraps an iterable, given its length and a description.

    On a terminal it draws a bar with the time that is left. Elsewhere, as in a log file, it writes
    one line when an iterable is through.
    """
    console = Console(stderr=True)
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())
    # lines that are printed meanwhile go above the bar, but into a file if one takes them
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as progress:

        def track(iterable: Iterable, total: int, description: str) -> Iterable:
            return progress.track(iterable, total=total, description=description)

        yield track


@contextmanager
def progress_bar(total: Optional[int], shown: bool = True) -> Iterator[Callable[[int], None]]:
    """Show how many inputs of a prediction are done, and how long the rest will take.

    Args:
        total (int, optional): Number of inputs, None if nobody knows.
        shown (bool): Show it where the standard error is a terminal. Defaults to True.

    Yields:
        Callable: Takes the number of inputs that are done.
    """
    console = Console(stderr=True)
    columns = (TextColumn('predicting'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn('left'), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task('', total=total)
        yield lambda done: bar.update(task, completed=done)
