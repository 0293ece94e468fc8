"""Reading of ASGI scopes."""

from starlette.types import Scope


def route_path(scope: Scope) -> str:
    """Remove the prefix of a proxy from the path of a request.

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
