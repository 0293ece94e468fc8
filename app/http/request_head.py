"""Checks of a request's head before the application sees the request."""

import os
import re

from starlette.types import Scope

MAX_HEAD_BYTES = 64 * 1024
VALID_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


def check_head(scope: Scope) -> tuple[bytes, tuple[int, str] | None]:
    """Find the id of a request and check its head.

    Args:
        scope: ASGI scope of the request.
    Returns:
        The caller's id if it is valid, otherwise a new one; and the status and detail of the error response if the
        head is not acceptable.
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
        return request_id, (431, f"The request line and headers must be at most {MAX_HEAD_BYTES} bytes.")
    if hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1"):
        return request_id, (400, "A request must have one Host header.")
    return request_id, None
