"""A start without searches for garbage."""
import gc
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def lasting() -> Iterator[None]:
    """Do not search for garbage among what a context imports and makes, until the command ends.

    The libraries of a training make a million objects that stay. Python would look through them ten
    times while it imports them, MMEngine once more for each dataset, and a data worker that does so
    gets a copy of each page of memory that they lie in.
    """
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searches:
            gc.enable()
