"""Checks of a request's head before the application sees the request."""

import os
import re

from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.http.scope import route_path

PROBES = ("/livez", "/readyz")
# The server sets this key in the scope of a request that arrives on a connection above the limit.
EXCESS_CONNECTION_KEY = "digits.excess_connection"
MAX_HEAD_BYTES = 64 * 1024
VALID_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


def check_head(scope: Scope) -> tuple[bytes, HTTPException | None]:
    """Find the id of a request and check its head.

    Args:
        scope: ASGI scope of the request.
    Returns:
        The caller's id if it is valid, otherwise a new one; and the error if the head is not acceptable, or if the
        connection is above the limit and the request is no probe.
    Source: RFC 9112, section 3.2, for the number of Host headers.
    """
    request_id, hosts, size = b"", 0, len(scope["raw_path"]) + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"x-request-id":
            request_id = value
        elif name == b"host":
            hosts += 1
    if not VALID_REQUEST_ID.fullmatch(request_id):
        request_id = os.urandom(16).hex().encode()
    if size > MAX_HEAD_BYTES:
        error = HTTPException(431, f"The request line and headers must be at most {MAX_HEAD_BYTES} bytes.")
    elif hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1"):
        error = HTTPException(400, "A request must have one Host header.")
    elif EXCESS_CONNECTION_KEY in scope and route_path(scope) not in PROBES:
        headers = {"Retry-After": "1", "Connection": "close"}
        error = HTTPException(503, "Too many connections are open.", headers=headers)
    else:
        return request_id, None
    return request_id, error
