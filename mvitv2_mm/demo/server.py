"""The server of the page, on this machine only."""
import signal
import socket
from contextlib import contextmanager, suppress
from typing import Iterator, Sequence

import uvicorn

from ..errors import UsageError
from ..inference.inferencer import Inferencer
from .app import make_app

_ADDRESS = '127.0.0.1'


def serve(infer: Inferencer, port: int, command: Sequence[str]) -> None:
    """Serve the page until Ctrl-C, SIGTERM or SIGHUP.

    Args:
        infer (Inferencer): The model.
        port (int): Where; 0 for any port that is free.
        command (Sequence[str]): See :func:`make_app`.

    Raises:
        UsageError: If the port cannot be used.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_ADDRESS, port))
            listener.listen()
        except (OSError, OverflowError) as error:
            reason = getattr(error, 'strerror', None) or error
            raise UsageError(f'port {port} cannot be used ({reason}); choose another with '
                             '--port') from None
        url = f'http://{_ADDRESS}:{listener.getsockname()[1]}'
        print(f'{infer.opened.name} is at {url} until Ctrl-C', flush=True)
        config = uvicorn.Config(
            make_app(infer, command),
            log_config=None,  # that of uvicorn closes the handlers of other libraries
            log_level='warning',
            access_log=False,
            timeout_graceful_shutdown=3)
        with suppress(KeyboardInterrupt):  # the usual end
            _Server(config).run([listener])


class _Server(uvicorn.Server):
    """Ends in good order when its terminal is closed, too."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear what uvicorn hears, and SIGHUP where the command would end by it."""
        with super().capture_signals():
            before = signal.getsignal(signal.SIGHUP)
            if not callable(before):  # nohup ignores it
                yield
                return
            signal.signal(signal.SIGHUP, self.handle_exit)
            try:
                yield
            finally:
                signal.signal(signal.SIGHUP, before)
