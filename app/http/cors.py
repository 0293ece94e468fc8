"""Cross-origin resource sharing: which pages of other origins may call the service."""

from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import Headers
from starlette.responses import Response
from typing_extensions import override

from app.http.security_headers import add_security_headers

# Besides the headers that browsers always allow.
ALLOWED_HEADERS = (
    *("Authorization", "Content-Encoding", "Inference-Header-Content-Length"),
    *("traceparent", "tracestate", "X-API-Key", "X-Request-Id"),
)
EXPOSED_HEADERS = ("Inference-Header-Content-Length", "Retry-After", "X-Request-Id")


class CrossOriginMiddleware(CORSMiddleware):
    """Starlette's middleware, with the security headers also on its own answers, those to preflight requests."""

    @override
    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        add_security_headers(response.raw_headers)
        return response


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of other origins call the service; without origins, nothing is added.

    Call this function last: the middleware that is added last is the outermost one. So error responses have its
    headers, too.

    Args:
        app: The application.
        origins: Origins such as `https://example.org`; `*` stands for all.
    """
    if origins:
        app.add_middleware(
            CrossOriginMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )
