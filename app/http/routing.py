"""Functions that add routes directly to an application, without nested routers, and that list its routes."""

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

# Attributes that `include_router` applies to the included routes. Flat routes, which `add_flat_routes` adds, lack them.
INHERITED = (
    *("prefix", "tags", "dependencies", "responses", "callbacks", "deprecated", "include_in_schema", "max_body_size"),
    *("form_limits", "default_response_class", "generate_unique_id_function"),
)
# Attributes of an included router, besides its routes, that `include_router` takes over.
TAKEN_OVER = ("on_startup", "on_shutdown", "_frontend_routes")


def add_flat_routes(target: APIRouter, source: APIRouter) -> None:
    """Add the routes of one router directly to another router, instead of including the router.

    The framework searches each included router separately for every request. Flat routes avoid that, but they
    inherit nothing from the target. `dependency_overrides` of an application has no effect on them.

    Args:
        target: Router that gets the routes.
        source: Router whose routes are added.
    Raises:
        ValueError: The routes would inherit something from the target, for example application-wide dependencies, or
            the source has a lifespan, handlers of start-up or shutdown, or routes to files.
    """
    default = APIRouter()
    lost = [name for name in INHERITED if getattr(target, name) != getattr(default, name)]
    lost += [name for name in TAKEN_OVER if getattr(source, name)]
    lost += [] if type(source.lifespan_context) is type(default.lifespan_context) else ["lifespan"]
    lost += [] if target.strict_content_type else ["strict_content_type"]  # the default differs by class
    if lost:
        raise ValueError(f"Flat routes would lose {', '.join(lost)}; include the router instead.")
    target.routes += source.routes


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
