"""Progress of long work, on the standard error, where a terminal shows it."""
import sys
from contextlib import contextmanager
from typing import Callable, Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


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
