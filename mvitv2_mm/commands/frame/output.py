"""With ``--json`` the standard output holds JSON and nothing else."""
import os
import sys
from contextlib import contextmanager, redirect_stdout
from typing import Any, Iterator, Optional, TextIO

from ...files import to_json

_results: Optional[TextIO] = None


@contextmanager
def json_alone(wanted: bool) -> Iterator[None]:
    """Send what anybody writes to the standard output to the standard error instead.

    This is done to the file descriptor, so it holds for libraries in C and child processes too.
    """
    global _results
    if not wanted:
        yield
        return
    stdout = sys.stdout
    stdout.flush()
    with os.fdopen(os.dup(1), 'w', encoding='utf-8') as _results, redirect_stdout(sys.stderr):
        os.dup2(2, 1)
        try:
            yield
        finally:
            stdout.flush()  # of loggers that were made before
            os.dup2(_results.fileno(), 1)
            _results = None


def print_json(value: Any) -> None:
    """Print one line of JSON to the standard output; arrays and tensors become lists."""
    print(to_json(value), file=_results or sys.stdout, flush=True)
