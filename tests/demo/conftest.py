"""Servers of the page, with the models of the quickstart."""
import http.client
import json
import socket
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest
from ava_model import ava, detections
from quick_models import quick

from mvitv2_mm import Inferencer

__all__ = ['ava', 'quick']
uvicorn = pytest.importorskip('uvicorn', reason='needs the extra "demo"')
pytest.importorskip('starlette', reason='needs the extra "demo"')


class Server(NamedTuple):
    """A server: its address, where it keeps uploads, and how the command line predicts."""
    url: str
    folder: Path
    command: list
    files: list

    def ask(self, method, path, body=None, headers=None, **query):
        """Status, headers and content of a reply; JSON is read."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=300)
        target = f'{path}?{urlencode(query)}' if query else path
        connection.request(method, target, body, headers or {})
        reply = connection.getresponse()
        content, kind = reply.read(), reply.headers.get('content-type', '')
        connection.close()
        return reply.status, reply.headers, json.loads(content) if 'json' in kind.split(
            '/')[-1:] else content

    def send(self, path, name=None, **query):
        """Upload a file; the key of its job."""
        content = Path(path).read_bytes()
        status, _, said = self.ask('POST', '/jobs', content, name=name or Path(path).name, **query)
        assert status == 201, said
        return said['key']

    def wait(self, key):
        """The last state of a job."""
        for _ in range(6000):
            job = self.ask('GET', f'/jobs/{key}')[2]
            if job['state'] in ('done', 'failed', 'cancelled'):
                return job
            time.sleep(0.05)
        raise TimeoutError(job)


@contextmanager
def running(infer, command, folder, files, **limits):
    from mvitv2_mm.demo.app import make_app
    from mvitv2_mm.demo.limits import Limits
    with socket.socket() as listener, pytest.MonkeyPatch.context() as patch:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        patch.setattr(tempfile, 'tempdir', str(folder))
        app = make_app(infer, command, Limits(**limits))
        # uvicorn's own settings of logs close the handlers of other libraries
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level='warning'))
        thread = threading.Thread(target=server.run, args=([listener], ))
        thread.start()
        try:
            port = listener.getsockname()[1]
            yield Server(f'http://127.0.0.1:{port}', folder, command, files)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def serve_people(ava, tmp_path):
    """Function that starts the page of a model for actions of the people in ``people.mp4``."""

    @contextmanager
    def start():
        boxes = detections(tmp_path / 'people.jsonl', 'people.mp4')
        infer = Inferencer(ava.folder, device='cpu', boxes=boxes)
        command = ['predict', ava.folder, '--boxes', boxes, '--device', 'cpu']
        folder = tmp_path / 'uploads'
        folder.mkdir()
        with running(infer, command, folder, []) as server:
            yield server

    return start


@pytest.fixture(scope='module')
def serve(quick, tmp_path_factory):
    """Function that starts the page of a task; options are limits."""
    inferencers = {}

    @contextmanager
    def start(task, **limits):
        model = quick(task)
        if task not in inferencers:
            inferencers[task] = Inferencer(model.folder, device='cpu', score_thr=0.05)
        command = ['predict', model.folder, '--device', 'cpu', '--score-thr', '0.05']
        folder = tmp_path_factory.mktemp('uploads')
        with running(inferencers[task], command, folder, model.files, **limits) as server:
            yield server
        assert list(folder.iterdir()) == []  # uploads go with the server

    return start
