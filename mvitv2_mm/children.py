"""Commands in processes of their own, which do not outlive this one."""
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import Iterator, List, NoReturn

# besides SIGINT, which raises KeyboardInterrupt
_SIGNALS = [getattr(signal, name) for name in ('SIGTERM', 'SIGHUP') if hasattr(signal, name)]


def _leave(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


@contextmanager
def child(words: List[str], **options) -> Iterator[subprocess.Popen]:
    """Start a process, and wait for its end when the context ends.

    If this process is asked to end meanwhile, or an error is raised in the context, the child gets
    SIGTERM and the time to save what it has.

    Args:
        words (list[str]): Its command line.
        **options: See ``subprocess.Popen``.

    Raises:
        SystemExit: With 128 and the number of the signal that asked this process to end.
    """
    previous = {number: signal.signal(number, _leave) for number in _SIGNALS}
    try:
        with subprocess.Popen(words, **options) as process:
            try:
                yield process
                process.wait()
            except BaseException:
                process.terminate()
                raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
