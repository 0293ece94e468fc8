"""The way around the framework, for a request that is whole and right.

The framework's search for a route, and what it makes for every request, cost more than a prediction. So a
body that arrived in one piece, for a route that asks for nothing but that body, is handed to that route at
once. If the route refuses it, nothing has happened yet: the request goes the framework's way as if it had
just arrived, to the same route, and is refused there. So every error has one source. A route that depends on
more than its body has no shortcut.
"""

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.address import address
from app.json_route import JSON, JsonRoute, is_json

CONTENT_TYPE = (b"content-type", JSON.encode())
MAX_BYTES = 4096  # an image with all its decimals takes a third; beyond it the framework's share is small


class Shortcut:
    """A layer around the framework.

    Args:
        app: What it wraps.
        routes: To where it leads, by path.
    """

    def __init__(self, app: ASGIApp, routes: Mapping[str, JsonRoute]) -> None:
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, by the three arguments that ASGI has."""
        route = self.routes.get(address(scope)) if scope.get("method") == "POST" else None
        if route is None or not _announces_json(scope, min(MAX_BYTES, route.max_body_size or MAX_BYTES)):
            await self.app(scope, receive, send)
            return
        message = await receive()
        body = await _answer(route, message)
        if body is None:
            await self.app(scope, _again(message, receive), send)
            return
        scope["route"] = route
        headers = [(b"content-length", b"%d" % len(body)), CONTENT_TYPE]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def shortcuts(app: FastAPI) -> dict[str, JsonRoute]:
    """Find the routes that a shortcut can lead to.

    Args:
        app: The application, with all its routes.
    Returns:
        By path, those that take JSON and depend on nothing else.
    """
    routes = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, JsonRoute) and context.methods == {"POST"} and not context.dependencies:
            routes[str(context.path)] = route
    return routes


def _announces_json(scope: Scope, max_bytes: int) -> bool:
    """Whether a head announces a JSON body that is short enough, and does not wait to be asked for it."""
    content_type, length = None, b""
    for name, value in scope["headers"]:
        if name == b"content-type" and content_type is None:  # the first counts, as in the framework
            content_type = value
        elif name == b"content-length":
            length = value
        elif name == b"expect":
            return False
    fits = length.isdigit() and len(length) <= len(str(MAX_BYTES)) and int(length) <= max_bytes
    return fits and is_json((content_type or b"").decode("latin-1"))


async def _answer(route: JsonRoute, message: Message) -> bytes | None:
    """Ask a route, if a message is a whole body that it takes."""
    if message["type"] != "http.request" or message.get("more_body", False):
        return None
    try:
        return await route.answer(message.get("body", b""))
    except (RequestValidationError, HTTPException):
        return None


def _again(message: Message, receive: Receive) -> Receive:
    """Let the framework receive what was received already."""
    messages = [message]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
