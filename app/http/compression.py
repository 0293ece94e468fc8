"""Compression of the largest replies for clients that accept gzip."""

from collections.abc import Awaitable, Container

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.headers import combined_header, quality_values
from app.http.scope import route_path

ACCEPT_ENCODING = "accept-encoding"


class CompressReplies:
    """Middleware that compresses the replies at some paths. Other replies are small, and pass through.

    Args:
        app: The application.
        paths: Paths without `root_path`.
    """

    def __init__(self, app: ASGIApp, paths: Container[str]) -> None:
        self._app, self._gzip_app, self._paths = app, GZipMiddleware(app), paths

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one request.

        Args:
            scope: ASGI scope of the request.
            receive: ASGI receive function of the request.
            send: ASGI send function of the request.
        Returns:
            The coroutine of the application.
        """
        if scope["type"] != "http" or route_path(scope) not in self._paths:
            return self._app(scope, receive, send)
        name = ACCEPT_ENCODING.encode()
        qualities = dict(quality_values(combined_header(scope, name) or ""))
        # Starlette's middleware only searches for the letters "gzip". It would also compress after "gzip;q=0".
        accepted = [(name, b"gzip")] if qualities.get("gzip", 0) > 0 else []
        scope["headers"] = [*accepted, *(header for header in scope["headers"] if header[0] != name)]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                correct_headers(MutableHeaders(raw=message["headers"]))
            await send(message)

        return self._gzip_app(scope, receive, send_with_headers)


def correct_headers(headers: MutableHeaders) -> None:
    """Correct what Starlette's middleware leaves out: Vary in a 206 and a 304, and the ETag of compressed bytes.

    The time of the last change is removed, because the ETag of a file says more.

    Args:
        headers: Headers of a reply.
    Source: RFC 9110, sections 8.8.1 and 12.5.5.
    """
    if ACCEPT_ENCODING not in headers.get("vary", "").lower():
        headers.add_vary_header("Accept-Encoding")
    del headers["last-modified"]
    if "content-encoding" in headers and "etag" in headers:
        headers["etag"] = f"W/{headers['etag']}"  # a weak one: a part of the file cannot continue these bytes
        del headers["accept-ranges"]
