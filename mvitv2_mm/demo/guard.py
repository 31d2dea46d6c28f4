"""What keeps other pages away: headers of every reply, and a look at where requests come from."""
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'Cache-Control':
    'no-store',
    'Cross-Origin-Opener-Policy':
    'same-origin',
    'Cross-Origin-Resource-Policy':
    'same-origin',
    'Referrer-Policy':
    'no-referrer',
    'X-Content-Type-Options':
    'nosniff',
}


class Guard:
    """Refuses requests that a page of another origin makes, and sets headers.

    Args:
        app (ASGIApp): What replies to the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reply to one request."""

        async def with_headers(message: Message) -> None:
            if message['type'] == 'http.response.start':
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        app = self.app
        if scope['type'] == 'http':
            headers = Headers(scope=scope)
            here = f'http://{headers.get("host")}'
            if headers.get('origin', here) != here:
                app = JSONResponse(dict(error='requests of other pages are refused'), 403)
        await app(scope, receive, with_headers)
