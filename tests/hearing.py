"""Processes that hear signals."""
import signal


def hear_all() -> None:
    """Undo what nohup, or a shell that runs the tests in the background, ignores.

    The ``preexec_fn`` of processes that get a signal.
    """
    for kind in (signal.SIGHUP, signal.SIGINT):
        signal.signal(kind, signal.SIG_DFL)
