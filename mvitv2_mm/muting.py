"""Without the remarks of libraries, which users can do nothing about."""
import logging
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def muted(*loggers: logging.Logger, below: int = logging.WARNING) -> Iterator[None]:
    """Let loggers pass nothing below a level for as long as the context.

    Args:
        *loggers (logging.Logger): The loggers; those below them that have no level of their own
            keep quiet, too.
        below (int): The level. Defaults to that of warnings, which do pass.
    """
    levels = [logger.level for logger in loggers]
    try:
        for logger, level in zip(loggers, levels):
            logger.setLevel(max(level, below))
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
