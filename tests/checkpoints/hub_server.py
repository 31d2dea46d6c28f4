"""A stand-in for the Hugging Face Hub on the loopback, with what huggingface_hub asks of it."""
import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Dict, Iterator

COMMIT = 'a' * 40


def git_name(content: bytes) -> str:
    """What git calls a file of this content."""
    return hashlib.sha1(f'blob {len(content)}\0'.encode() + content).hexdigest()


class Hub(ThreadingHTTPServer):
    """Keeps the files of repositories, and uploads by their SHA-256."""

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.repositories: Dict[str, Dict[str, bytes]] = {}
        self.blobs: Dict[str, bytes] = {}
        self.private = None

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.server_port}'


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args) -> None:
        pass

    def answer(self, body: bytes = b'', code: int = 200, **headers: str) -> None:
        self.send_response(code)
        for key, value in {'Content-Length': str(len(body)), **headers}.items():
            self.send_header(key.replace('_', '-'), value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def answer_json(self, value) -> None:
        self.answer(json.dumps(value).encode(), Content_Type='application/json')

    def body(self) -> bytes:
        if self.headers.get('Transfer-Encoding') != 'chunked':
            return self.rfile.read(int(self.headers.get('Content-Length') or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b''.join(parts)

    def do_POST(self) -> None:
        body, hub = self.body(), self.server
        if self.path == '/api/repos/create':
            asked = json.loads(body)
            repo = f'{asked["organization"]}/{asked["name"]}'
            hub.private = asked.get('private', asked.get('visibility') == 'private')  # by version
            hub.repositories.setdefault(repo, {})
            self.answer_json(dict(url=f'{hub.url}/{repo}', name=repo))
        elif self.path == '/api/validate-yaml':
            self.answer_json(dict(errors=[], warnings=[]))
        elif '/preupload/' in self.path:
            self.answer_json(
                dict(files=[
                    dict(
                        path=file['path'],
                        uploadMode='lfs' if file['path'].endswith('.safetensors') else 'regular',
                        shouldIgnore=False) for file in json.loads(body)['files']
                ]))
        elif self.path.endswith('/info/lfs/objects/batch'):
            self.answer_json(
                dict(
                    transfer='basic',
                    objects=[
                        dict(file, actions=dict(upload=dict(href=f'{hub.url}/put/{file["oid"]}')))
                        for file in json.loads(body)['objects']
                    ]))
        else:
            self.commit(body)

    def commit(self, body: bytes) -> None:
        repo = re.fullmatch(r'/api/models/(.+)/commit/main', self.path)[1]
        files = self.server.repositories[repo]
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry['value']
            if entry['key'] == 'file':
                files[value['path']] = base64.b64decode(value['content'])
            elif entry['key'] == 'lfsFile':
                files[value['path']] = self.server.blobs[value['oid']]
        url = f'{self.server.url}/{repo}/commit/{COMMIT}'
        self.answer_json(dict(commitUrl=url, commitOid=COMMIT))

    def do_PUT(self) -> None:
        body = self.body()
        digest = hashlib.sha256(body).hexdigest()
        assert self.path == f'/put/{digest}'
        self.server.blobs[digest] = body
        self.answer()

    def do_GET(self) -> None:
        found = re.fullmatch(r'/api/models/(.+)/(revision|tree)/.+', self.path)
        if found:
            files = self.server.repositories.get(found[1])
            if files is None:
                return self.answer(b'no such repository', 404, X_Error_Code='RepoNotFound')
            if found[2] == 'tree':
                return self.answer_json([
                    dict(type='file', path=name, size=len(content), oid=git_name(content))
                    for name, content in files.items()
                ])
            names = [dict(rfilename=name) for name in files]
            return self.answer_json(dict(id=found[1], sha=COMMIT, siblings=names))
        repo, name = re.fullmatch(rf'/(.+)/resolve/{COMMIT}/(.+)', self.path).groups()
        content = self.server.repositories[repo][name]
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        self.answer(content, ETag=tag, X_Repo_Commit=COMMIT)

    do_HEAD = do_GET


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that listens while the context is open."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
