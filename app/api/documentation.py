"""`GET /docs`: Swagger UI, whose files come from an installed package and not from a public server."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

from app.http.security_headers import CONTENT_SECURITY_POLICY

FOLDER = Path(fastapi_offline.__file__).parent / "static"
FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
SCRIPT, STYLE, ICON = FILES
PREFIX = "/docs"
CHUNK_BYTES = 8 * 1024  # a connection whose client does not read holds a few of them
DOCUMENTATION_PATHS = {"/openapi.json", PREFIX, *(f"{PREFIX}/{name}" for name in FILES)}
INLINE_SCRIPT = re.compile("<script>(.*?)</script>", re.DOTALL)


def documentation_routes(title: str) -> APIRouter:
    """Build the routes of the interactive documentation.

    Args:
        title: Title of the page.
    Returns:
        A router.
    """
    router = APIRouter(prefix=PREFIX, include_in_schema=False)
    # Relative addresses work behind a proxy that removes a prefix.
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=title,
        swagger_js_url=f"docs/{SCRIPT}",
        swagger_css_url=f"docs/{STYLE}",
        swagger_favicon_url=f"docs/{ICON}",
    )
    headers = {CONTENT_SECURITY_POLICY.decode(): documentation_policy(bytes(page.body).decode())}

    @router.get("")
    async def documentation() -> HTMLResponse:
        return HTMLResponse(page.body, headers=headers)

    @router.get("/{name}")
    async def documentation_file(name: str) -> FileResponse:
        if name not in FILES:
            raise HTTPException(404)
        response = FileResponse(FOLDER / name, headers={"Cache-Control": "max-age=3600"})
        response.chunk_size = CHUNK_BYTES
        return response

    return router


def documentation_policy(page: str) -> str:
    """Write the content security policy of the documentation.

    Swagger UI sets styles by attributes and shows icons from data URLs. It calls this service alone.

    Args:
        page: HTML with one inline script, which the policy allows by its hash.
    Returns:
        The policy.
    """
    (script,) = INLINE_SCRIPT.findall(page)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
