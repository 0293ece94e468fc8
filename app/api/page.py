"""`GET /`: the page with the canvas; its files are served unchanged."""

from pathlib import Path
from types import SimpleNamespace

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from app.http.scope import route_path

FOLDER = Path(__file__).parents[1] / "page"
PAGE_PATHS = {"/", *(f"/{file.name}" for file in FOLDER.iterdir())}
PAGE_TEMPLATE = "/{path}"  # the name that the framework gives to this route in traces

# The page loads its own files and calls its own service. It runs no foreign script, and no other page can frame it. A
# picture that the user has chosen is a blob.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The browser asks again each time, and gets a 304 if nothing has changed.
CACHE_CONTROL = "no-cache"


def page_routes() -> APIRouter:
    """Build the route that serves the page.

    Returns:
        A router for all addresses that no other route takes.
    """
    router = APIRouter(dependencies=[Depends(set_headers_and_route)])
    router.frontend("/", directory=FOLDER, fallback=None)
    return router


async def set_headers_and_route(request: Request, response: Response) -> None:
    """Set the headers of the page, and set `scope["route"]` for its files, which the framework leaves unset.

    Args:
        request: Request for a file, or for an address that does not exist.
        response: Response that gets the headers.
    """
    path = route_path(request.scope).rstrip("/") or "/"
    if path not in PAGE_PATHS:  # to search for a file with many slashes in its path would take 0.2 s
        raise HTTPException(404)
    response.headers["Cache-Control"] = CACHE_CONTROL
    if path in {"/", "/index.html"}:
        response.headers["Content-Security-Policy"] = PAGE_POLICY
    request.scope["route"] = SimpleNamespace(path=PAGE_TEMPLATE)
