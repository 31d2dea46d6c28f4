"""What the page asks for, and what it gets."""
import tempfile
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import AsyncIterator, Awaitable, Callable, Optional, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ..drawing import css_variables, web_palette
from ..inference.inferencer import Inferencer
from .explanation import PICTURE, explain_upload
from .guard import Guard
from .jobs import DONE, Busy, Job, Jobs
from .limits import Limits
from .prediction import RECORDS, Upload, predict_upload
from .uploads import plain_name, receive

_PAGE = Path(__file__).parent / 'page_files'
_TYPES = {
    'page.html': 'text/html',
    'page.css': 'text/css',
    'page.js': 'text/javascript',
    'icon.svg': 'image/svg+xml'
}
_HOSTS = ['127.0.0.1', 'localhost']  # another name means that a foreign page came by DNS


class Demo:
    """Replies to the requests of the page.

    Args:
        infer (Inferencer): The model.
        command (Sequence[str]): See :func:`make_app`.
        limits (Limits): What it takes.
    """

    def __init__(self, infer: Inferencer, command: Sequence[str], limits: Limits) -> None:
        self.infer, self.command, self.limits = infer, command, limits
        self.jobs: Optional[Jobs] = None

    @asynccontextmanager
    async def life(self, app: Starlette) -> AsyncIterator[None]:
        """Uploads are in a folder that goes with the server."""
        with tempfile.TemporaryDirectory(prefix='mvitv2_mm_demo_') as folder:
            self.jobs = Jobs(Path(folder))
            try:
                yield
            finally:
                self.jobs.close()

    async def model(self, request: Request) -> Response:
        """What the page says about the model."""
        opened = self.infer.opened
        return JSONResponse(
            dict(
                name=opened.name,
                task=opened.task,
                num_classes=len(opened.classes or ()),
                notes=opened.notes,
                device=str(self.infer.predictor.device),
                palette=web_palette(),
                megabytes=self.limits.megabytes))

    async def upload(self, request: Request) -> Response:
        """Take a file, and have it predicted."""
        job = self._open()
        try:
            name = plain_name(request.query_params.get('name', ''))
            every = _number(request, 'every')
            path = await receive(request, job.folder, name, self.limits.megabytes)
        except BaseException as error:
            self.jobs.remove(job)
            if isinstance(error, ClientDisconnect):
                return Response(status_code=400)  # nobody reads it
            raise
        upload = Upload(name, path, 'parts' in request.query_params, every)
        self.jobs.start(job, partial(predict_upload, self.infer, upload, self.limits, self.command),
                        upload)
        return JSONResponse(dict(key=job.key), 201)

    async def state(self, request: Request) -> Response:
        """How far a job is."""
        job = self._job(request)
        before = self.jobs.num_before(job)
        return JSONResponse(
            dict(state=job.state, before=before, progress=job.progress, error=job.error))

    async def remove(self, request: Request) -> Response:
        """Cancel a job, and forget it."""
        self.jobs.remove(self._job(request))
        return Response(status_code=204)

    async def result(self, request: Request) -> Response:
        """What the page shows."""
        return JSONResponse(self._done(request).result)

    async def records(self, request: Request) -> Response:
        """What ``predict --json`` prints."""
        return _file(self._done(request).folder / RECORDS)

    async def picture(self, request: Request) -> Response:
        """A picture, or a frame of a video."""
        return _file(self._done(request).folder / f'{request.path_params["number"]}.jpg')

    async def explain(self, request: Request) -> Response:
        """Have it explained what was found in a file."""
        upload = self._done(request).about
        record = _number(request, 'record', least=0)
        number = _number(request, 'object', least=0) if 'object' in request.query_params else None
        job = self._open()
        self.jobs.start(job, partial(explain_upload, self.infer, upload, record, number), upload)
        return JSONResponse(dict(key=job.key), 201)

    async def explanation(self, request: Request) -> Response:
        """The picture of an explanation."""
        return _file(self._done(request).folder / PICTURE)

    def _open(self) -> Job:
        try:
            return self.jobs.open()
        except Busy as error:
            raise HTTPException(503, str(error)) from None

    def _job(self, request: Request) -> Job:
        try:
            return self.jobs[request.path_params['key']]
        except KeyError:
            raise HTTPException(404, 'this result is not kept any more; drop the file again') \
                from None

    def _done(self, request: Request) -> Job:
        job = self._job(request)
        if job.state != DONE:
            raise HTTPException(409, f'the result is not there; the state is "{job.state}"')
        return job


def make_app(infer: Inferencer, command: Sequence[str], limits: Limits = Limits()) -> Starlette:
    """The application that a server runs.

    Args:
        infer (Inferencer): The model.
        command (Sequence[str]): How the command line predicts with it: 'predict', the model and
            its options; for the page to show.
        limits (Limits): What is taken. Defaults to ``Limits()``.
    """
    demo = Demo(infer, command, limits)
    job = '/jobs/{key}'
    routes = [
        Route('/', _page_file('page.html')),
        *(Route(f'/{name}', _page_file(name)) for name in _TYPES),
        Route('/model.json', demo.model),
        Route('/jobs', demo.upload, methods=['POST']),
        Route(job, demo.state),
        Route(job, demo.remove, methods=['DELETE']),
        Route(f'{job}/result.json', demo.result),
        Route(f'{job}/predictions.jsonl', demo.records),
        Route(job + '/pictures/{number:int}.jpg', demo.picture),
        Route(f'{job}/explanation', demo.explain, methods=['POST']),
        Route(f'{job}/{PICTURE}', demo.explanation),
    ]
    middleware = [
        Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False),
        Middleware(Guard)
    ]
    return Starlette(
        routes=routes,
        middleware=middleware,
        lifespan=demo.life,
        exception_handlers={HTTPException: _error})


def _page_file(name: str) -> Callable[[Request], Awaitable[Response]]:

    async def reply(request: Request) -> Response:
        text = (_PAGE / name).read_text(encoding='utf-8')
        return Response(
            css_variables() + text if name == 'page.css' else text, media_type=_TYPES[name])

    return reply


def _file(path: Path) -> Response:
    if not path.is_file():
        raise HTTPException(404, f'there is no {path.name}')
    return FileResponse(path)


async def _error(request: Request, error: HTTPException) -> Response:
    return JSONResponse(dict(error=error.detail), error.status_code)


def _number(request: Request, name: str, least: int = 1) -> int:
    text = request.query_params.get(name, str(least))
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= 10**6):
        raise HTTPException(400, f'{name} should be a whole number from {least} on')
    return int(text)
