"""`GET /`: the page with the canvas; its files are served unchanged."""

from pathlib import Path
from types import SimpleNamespace

from fastapi import APIRouter, Depends, Request, Response

from app.http.scope import route_path

FOLDER = Path(__file__).parents[1] / "page"
FILES = {file.name for file in FOLDER.iterdir()}
PAGE_TEMPLATE = "/{path}"  # the name that the framework gives to this route in traces

HEADERS = {
    # The page loads its own files and calls its own service. It runs no foreign script, and no other page can frame it.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # the browser asks again each time and gets a 304 if nothing has changed
}


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
    response.headers.update(HEADERS)
    name = route_path(request.scope).strip("/")
    if not name or name in FILES:
        request.scope["route"] = SimpleNamespace(path=PAGE_TEMPLATE)
