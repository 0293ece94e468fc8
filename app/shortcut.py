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
from app.json_route import JSON, JsonRoute

CONTENT_TYPE = (b"content-type", JSON.encode())


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
        """Serve one request.

        Args:
            scope: ASGI's description of the request.
            receive: Where its body comes from.
            send: Where the answer goes.
        """
        route = self.routes.get(address(scope)) if scope.get("method") == "POST" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        message = await receive()
        body = await _answer(route, scope, message)
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


async def _answer(route: JsonRoute, scope: Scope, message: Message) -> bytes | None:
    """Ask a route, if a message is a whole body that it takes."""
    if message["type"] != "http.request" or message.get("more_body", False):
        return None
    body: bytes = message.get("body", b"")
    if route.max_body_size is not None and len(body) > route.max_body_size:
        return None
    try:
        return await route.answer(_content_type(scope), body)
    except (RequestValidationError, HTTPException):
        return None


def _content_type(scope: Scope) -> str:
    """The first header of that name."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            return str(value, "latin-1")
    return ""


def _again(message: Message, receive: Receive) -> Receive:
    """Let the framework receive what was received already."""
    messages = [message]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
