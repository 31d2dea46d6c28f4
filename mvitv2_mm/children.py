"""How processes end: children do not outlive this one, and a signal leaves nothing half-done."""
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import Iterator, List, Optional

# besides SIGINT, which raises KeyboardInterrupt
_SIGNALS = [getattr(signal, name) for name in ('SIGTERM', 'SIGHUP') if hasattr(signal, name)]
# seconds in which the same signal is not heard again; "timeout" of the shell sends two
_TIDYING = 10


class Ended(SystemExit):
    """A signal asked the process to end; its code is 128 and the number of the signal."""


@contextmanager
def tidy_end() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise :class:`Ended`, where they would end the process at once.

    What is ignored, for instance by ``nohup``, or has a handler stays so. Only the main thread of a
    program can do this; in others nothing happens.

    Raises:
        Ended: If there was such a signal, also where a library made another error of it.
    """
    is_main = threading.current_thread() is threading.main_thread()
    kinds = [kind for kind in _SIGNALS if is_main and signal.getsignal(kind) == signal.SIG_DFL]
    last = -_TIDYING

    def leave(number: int, frame: object) -> None:
        nonlocal last
        if time.monotonic() > last + _TIDYING:
            last = time.monotonic()
            raise Ended(128 + number)

    for kind in kinds:
        signal.signal(kind, leave)
    try:
        yield
    except BaseException as error:
        cause: Optional[BaseException] = error
        while cause is not None and not isinstance(cause, Ended):
            cause = cause.__context__
        raise cause or error
    finally:
        for kind in kinds:
            signal.signal(kind, signal.SIG_DFL)


@contextmanager
def child(words: List[str], **options) -> Iterator[subprocess.Popen]:
    """Start a process, and wait for its end when the context ends.

    If this process is asked to end meanwhile, or an error is raised in the context, the child gets
    SIGTERM and the time to save what it has.

    Args:
        words (list[str]): Its command line.
        **options: See ``subprocess.Popen``.

    Raises:
        Ended: If a signal asked this process to end.
    """
    with tidy_end(), subprocess.Popen(words, **options) as process:
        try:
            yield process
            process.wait()
        except BaseException:
            process.terminate()
            raise
