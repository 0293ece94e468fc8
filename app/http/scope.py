"""Reading of ASGI scopes."""

from starlette.types import Scope


def route_path(scope: Scope) -> str:
    """Return the path of a request without `root_path`, which uvicorn puts in front of every path.

    Args:
        scope: ASGI scope of the request.
    Returns:
        The path below `root_path`.
    Example:
        >>> route_path({"path": "/digits/predict", "root_path": "/digits"})
        '/predict'
    """
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
