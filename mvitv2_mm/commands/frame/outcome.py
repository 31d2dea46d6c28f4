"""How a command ends: exit codes, and errors in one line."""
import sys
from contextlib import contextmanager
from typing import Iterator, Optional, Type

from ...errors import UsageError

DONE, FAILED, USAGE, ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130
DOCTOR = '"python -m mvitv2_mm doctor" shows what is installed and what works'
# mistakes of users; those of the second line often say little
_MESSAGES = (OSError, ImportError, ValueError)
_RIDDLES = (AssertionError, KeyError, TypeError)


class Unexpected(Exception):
    """Wraps an error that no user can have caused, so its traceback is wanted."""


@contextmanager
def only_expected(*kinds: Type[Exception]) -> Iterator[None]:
    """Let errors of ``kinds`` end in one line, and all others with their traceback.

    For the long part of a command, where a ValueError is not a mistake of the user, but of code.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, kinds) or _is_out_of_memory(error):
            raise
        raise Unexpected from error


def exit_code(error: BaseException) -> Optional[int]:
    """Exit code of an error that is told in one line, None for one that needs a traceback."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, UsageError):
        return USAGE
    if isinstance(error, ImportError):
        return ENVIRONMENT
    return FAILED if isinstance(error, _MESSAGES + _RIDDLES) or _is_out_of_memory(error) else None


def describe(error: BaseException) -> str:
    """One line about an error of which :func:`exit_code` knows the code."""
    if isinstance(error, KeyboardInterrupt):
        return 'interrupted'
    lines = str(error.args[0] if isinstance(error, KeyError) and error.args else error).split('\n')
    if _is_out_of_memory(error):
        return (f'{lines[0]} Take smaller batches: --cfg-options train_dataloader.batch_size=..., '
                'and for the same training as many times more optim_wrapper.accumulative_counts')
    text = ' '.join(filter(None, map(str.strip, lines)))
    if isinstance(error, ImportError):
        return f'{text.rstrip(".")}. {DOCTOR}'
    return f'{text} (--debug shows where)' if isinstance(error, _RIDDLES) else text


def _is_out_of_memory(error: BaseException) -> bool:
    torch = sys.modules.get('torch')
    return torch is not None and isinstance(error, torch.OutOfMemoryError)
