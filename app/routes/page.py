"""`GET /`: the page to draw on; plain files, as they are."""

from pathlib import Path
from types import SimpleNamespace

from fastapi import APIRouter, Depends, Request, Response

from app.address import address

PAGE = Path(__file__).parents[1] / "page"
FILES = {file.name for file in PAGE.iterdir()}
TEMPLATE = "/{path}"  # as FastAPI names it in traces

HEADERS = {
    # The page loads its own files and talks to its own service; nothing may be put into or around it.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # asked for again each time, and answered by 304 if nothing changed
}


def page_routes() -> APIRouter:
    """Build the route that serves the page.

    Returns:
        A router, for all addresses that no other route takes.
    """
    router = APIRouter(dependencies=[Depends(guard)])
    router.frontend("/", directory=PAGE, fallback=None)
    return router


async def guard(request: Request, response: Response) -> None:
    """Tell the browser what the page may do, and name the route, which the framework does not do for files.

    Args:
        request: For a file, or for something that there is not.
        response: Whose headers the answer gets.
    """
    response.headers.update(HEADERS)
    name = address(request.scope).strip("/")
    if not name or name in FILES:
        request.scope["route"] = SimpleNamespace(path=TEMPLATE)
