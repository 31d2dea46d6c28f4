"""A start without searches for garbage."""
import gc
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def lasting() -> Iterator[None]:
    """Do not search for garbage among what a context imports and makes, until the command ends.

    The libraries of a training make a million objects that stay. Python would look through them ten
    times while it imports them, and MMEngine once more for each dataset.
    """
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searches:
            gc.enable()
