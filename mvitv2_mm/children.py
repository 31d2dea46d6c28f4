"""How processes end: children do not outlive this one, and a signal leaves nothing half-done."""
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import Callable, Iterator, List, Optional

# besides SIGINT, which raises KeyboardInterrupt
_SIGNALS = [getattr(signal, name) for name in ('SIGTERM', 'SIGHUP') if hasattr(signal, name)]
# seconds in which the same signal is not heard again; "timeout" of the shell sends two
_TIDYING = 10
_last_heard = -_TIDYING


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
    global _last_heard
    kinds = _handled_by(signal.SIG_DFL)
    for kind in kinds:
        signal.signal(kind, _leave)
        _last_heard = -_TIDYING
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


def _handled_by(handler: object) -> List[int]:
    """Signals that have a handler which this thread can change."""
    if threading.current_thread() is not threading.main_thread():
        return []
    return [kind for kind in _SIGNALS if signal.getsignal(kind) == handler]


def _leave(number: int, frame: object) -> None:
    global _last_heard
    if time.monotonic() > _last_heard + _TIDYING:
        _last_heard = time.monotonic()
        raise Ended(128 + number)


@contextmanager
def end_at_once(tidy: Callable[[], None]) -> Iterator[None]:
    """Let signals, Ctrl-C too, end the process without an error that is raised on its way.

    For libraries that call Python from C++, where such an error gets lost or aborts the process.
    Only signals of a command do so, which :func:`tidy_end` has to be waiting for.

    Args:
        tidy (Callable): Called before the end; removes what would stay behind.
    """

    def end(number: int, frame: object) -> None:
        tidy()
        os.write(2, f'ended by {signal.Signals(number).name}\n'.encode())
        os._exit(128 + number)

    kinds = _handled_by(_leave)
    if kinds and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        kinds.append(signal.SIGINT)
    before = {kind: signal.signal(kind, end) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


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
