"""Progress on the terminal."""
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

from rich.console import Console
from rich.progress import (BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn,
                           TimeRemainingColumn)


@contextmanager
def progress_bar(total: Optional[int], shown: bool = True) -> Iterator[Callable[[int], None]]:
    """Show on the standard error how many inputs are done, and how long the rest will take.

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
