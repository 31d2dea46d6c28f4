"""An HTTP server on the loopback, with parts of files, passing faults and a folder to serve."""
import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit


class FileServer(ThreadingHTTPServer):
    """Serves a folder.

    Attributes:
        asked (list[tuple]): Method, path and range of every request.
        faults (list[int]): Codes of HTTP with which the next requests are answered.
        has_ranges (bool): Whether a part of a file can be asked for.
    """
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(('127.0.0.1', 0), Handler)
        self.folder, self.asked, self.faults, self.has_ranges = Path(folder), [], [], True
        self.url = f'http://127.0.0.1:{self.server_port}'


class Handler(BaseHTTPRequestHandler):

    def do_GET(self):
        place = self.headers.get('Range') if self.server.has_ranges else None
        self.server.asked.append((self.command, self.path, place))
        path = self.server.folder / unquote(urlsplit(self.path).path)[1:]
        if self.server.faults or not path.is_file():
            self.send_error(self.server.faults.pop(0) if self.server.faults else 404)
            return
        content, code = path.read_bytes(), 200
        if place:
            start, end = map(int, re.fullmatch(r'bytes=(\d+)-(\d+)', place).groups())
            content, code = content[start:end + 1], 206
        self.send_response(code)
        self.send_header('Content-Length', str(len(content)))
        self.send_header('ETag', str(path.stat().st_mtime_ns))
        self.end_headers()
        if self.command == 'GET':
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


@contextmanager
def serve(folder):
    """A running server of a folder."""
    with FileServer(folder) as server:
        thread = Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.01))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
