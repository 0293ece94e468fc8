"""Compression of the largest replies for clients that accept gzip."""

from collections.abc import Awaitable, Container

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.headers import combined_header, quality_values
from app.http.scope import route_path


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
        qualities = dict(quality_values(combined_header(scope, b"accept-encoding") or ""))
        # Starlette's middleware only searches for the letters "gzip". It would also compress after "gzip;q=0".
        accepted = [(b"accept-encoding", b"gzip")] if qualities.get("gzip", 0) > 0 else []
        scope["headers"] = [*accepted, *(header for header in scope["headers"] if header[0] != b"accept-encoding")]
        return self._gzip_app(scope, receive, send)
