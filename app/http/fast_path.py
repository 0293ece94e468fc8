"""The fast path: it answers short, valid JSON requests without the framework.

The framework's route lookup and its per-request objects cost more than a prediction. The fast path therefore
passes a body that arrived in one piece directly to its route, if the route depends on nothing but the body. If the
route rejects the body, nothing has been sent yet. The request then goes through the framework as if it had
just arrived, and the same route rejects it there. So every error has a single source.
"""

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.headers import JSON, is_parsed_as_json
from app.http.json_endpoint import JsonRoute
from app.http.scope import route_path

CONTENT_TYPE = (b"content-type", JSON.encode())
MAX_BYTES = 4096  # three times the size of an image whose pixels have 17 digits; longer bodies gain little


class FastPath:
    """Middleware that answers short JSON requests directly.

    Args:
        app: The wrapped application.
        routes: The routes that can be answered directly, by path.
    """

    def __init__(self, app: ASGIApp, routes: Mapping[str, JsonRoute]) -> None:
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI defines it."""
        route = self.routes.get(route_path(scope)) if scope.get("method") == "POST" else None
        if route is None or not _announces_short_json(scope, min(MAX_BYTES, route.max_body_size or MAX_BYTES)):
            await self.app(scope, receive, send)
            return
        message = await receive()
        body = await _try_answer(route, message)
        if body is None:
            await self.app(scope, _receive_again(message, receive), send)
            return
        scope["route"] = route
        headers = [(b"content-length", b"%d" % len(body)), CONTENT_TYPE]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def find_fast_routes(app: FastAPI) -> dict[str, JsonRoute]:
    """Find the routes that the fast path can answer.

    Args:
        app: The application, with all its routes.
    Returns:
        The JSON routes that depend on their body alone, by path.
    """
    contexts = [c for c in iter_route_contexts(app.routes) if c.methods == {"POST"} and not c.dependencies]
    return {str(c.path): c.original_route for c in contexts if isinstance(c.original_route, JsonRoute)}


def _announces_short_json(scope: Scope, max_bytes: int) -> bool:
    """Tell whether a request head announces a short JSON body that is sent without waiting for 100 Continue."""
    content_type, length = None, b""
    for name, value in scope["headers"]:
        if name == b"content-type" and content_type is None:  # the framework, too, uses the first one
            content_type = value
        elif name == b"content-length":
            length = value
        elif name == b"expect":
            return False
    fits = length.isdigit() and len(length) <= len(str(MAX_BYTES)) and int(length) <= max_bytes
    return fits and is_parsed_as_json((content_type or b"").decode("latin-1"))


async def _try_answer(route: JsonRoute, message: Message) -> bytes | None:
    """Return the reply to a message, or None if the message is not a complete, valid body."""
    if message["type"] != "http.request" or message.get("more_body", False):
        return None
    try:
        return await route.answer(message.get("body", b""))
    except (RequestValidationError, HTTPException):
        return None


def _receive_again(message: Message, receive: Receive) -> Receive:
    """Create a receive function that returns a received message once more before it receives others."""
    messages = [message]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
