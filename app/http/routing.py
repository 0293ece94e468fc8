"""Functions that list the routes of an application."""

from typing import NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.http.json_endpoint import JsonRoute


class JsonAddress(NamedTuple):
    """The route that a path belongs to."""

    route: JsonRoute
    path_params: dict[str, str]


def json_addresses(app: FastAPI, **path_params: str) -> dict[str, JsonAddress]:
    """List the paths of the JSON endpoints, so that a request finds its endpoint without a search through all routes.

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
