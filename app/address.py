"""Where a request goes."""

from starlette.types import Scope


def address(scope: Scope) -> str:
    """Take off a path the part that a proxy put before it.

    Args:
        scope: ASGI's description of a request.
    Returns:
        The path below `root_path`.
    Example:
        >>> address({"path": "/digits/predict", "root_path": "/digits"})
        '/predict'
    """
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
