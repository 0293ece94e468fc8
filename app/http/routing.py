"""The application, which finds JSON endpoints by their path, and functions that list its routes."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.http.json_endpoint import JsonRoute
from app.http.scope import route_path


class JsonAddress(NamedTuple):
    """The route that a path belongs to."""

    route: JsonRoute
    path_params: dict[str, str]


class Application(FastAPI):
    """FastAPI's application, with a shorter way to the JSON endpoints.

    The application finds the route of a JSON endpoint in a dictionary, by the path, without a search through all
    routes. Such a request skips FastAPI's telemetry, because the telemetry costs as much as a prediction, even for a
    request that is not sampled.
    """

    addresses: Mapping[str, JsonAddress] = MappingProxyType({})  # to be set once all routes are added
    # Functions that complete the OpenAPI document, which FastAPI has generated, in this order.
    document_steps: Sequence[Callable[[dict[str, Any]], None]] = ()

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = self.addresses.get(route_path(scope)) if scope.get("method") == "POST" else None
        if address is None:
            await super().__call__(scope, receive, send)
        else:
            scope["route"], scope["path_params"] = address
            await Starlette.__call__(self, scope, receive, send)

    @override
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            for complete in self.document_steps:
                complete(super().openapi())
        return super().openapi()


def json_addresses(app: FastAPI, **path_params: str) -> dict[str, JsonAddress]:
    """List the paths of the JSON endpoints.

    Args:
        app: The application, with all its routes.
        path_params: The valid value of each parameter in a path.
    Returns:
        The route and the parameters of each path.
    Raises:
        ValueError: A route has dependencies, which its endpoint would not run.
    """
    addresses = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, JsonRoute):
            if context.dependencies:
                raise ValueError(f"The endpoint of {context.path} would not run the dependencies of its route.")
            own_params = {name: path_params[name] for name in route.param_convertors}
            addresses[str(context.path).format_map(own_params)] = JsonAddress(route, own_params)
    return addresses


def methods_by_template(app: FastAPI) -> dict[str, set[str]]:
    """List the routes of an application, except routes to files, which the framework does not list.

    Args:
        app: The application.
    Returns:
        The methods of each route template.
    """
    methods: dict[str, set[str]] = {}
    for route in iter_route_contexts(app.routes):
        if route.path is not None:
            methods.setdefault(route.path, set()).update(route.methods or ())
    return methods
