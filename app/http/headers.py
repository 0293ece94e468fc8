"""Parsing of request headers."""

import re

from starlette.types import Scope

JSON = "application/json"
JSON_BYTES = JSON.encode()
QUALITY = re.compile(r";[ \t]*q=([^;]*)")
MAX_LENGTH_DIGITS = 20  # of the largest length that uvicorn's parser accepts
MAX_COMMAS = 50  # commas at which an Accept header is split; the rest is one entry


def first_header(scope: Scope, name: bytes) -> bytes:
    """Return the first line of a header.

    Args:
        scope: ASGI scope of the request.
        name: Name of the header, in lower case.
    Returns:
        The value, empty if the request has no such header.
    """
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def combined_header(scope: Scope, name: bytes) -> str | None:
    """Join all lines of a header.

    Args:
        scope: ASGI scope of the request.
        name: Name of the header, in lower case.
    Returns:
        The values separated by commas, or None if the request has no such header.
    Source: RFC 9110, section 5.3.
    """
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def content_length(scope: Scope) -> int | None:
    """Return the announced length of a body.

    Args:
        scope: ASGI scope of the request.
    Returns:
        The length in bytes, or None if the client announced none, or no number of at most 20 digits.
    """
    value = first_header(scope, b"content-length")
    return int(value) if value.isdigit() and len(value) <= MAX_LENGTH_DIGITS else None


def media_type(content_type: str | None) -> str:
    """Return the media type without its parameters.

    Args:
        content_type: Value of a Content-Type header, or None.
    Returns:
        The media type in lower case, empty if there is none.
    Example:
        >>> media_type("Text/HTML; charset=utf-8")
        'text/html'
    """
    return (content_type or "").partition(";")[0].strip().lower()


def body_media_type(scope: Scope) -> str:
    """Return the media type of a body, as `media_type` does.

    Args:
        scope: ASGI scope of the request.
    Returns:
        The media type in lower case, empty if the request has no Content-Type.
    """
    return media_type(first_header(scope, b"content-type").decode("latin-1"))


def quality_values(header: str) -> list[tuple[str, float]]:
    """Parse a header that lists what a client accepts, such as Accept or Accept-Encoding.

    Args:
        header: Value of the header, empty if there is none.
    Returns:
        Each accepted name in lower case with its quality from 0 to 1, in the order of the header. A quality that is
        not a number from 0 to 1 counts as 0. Other parameters are ignored.
    Source: RFC 9110, section 12.4.2.
    Example:
        >>> quality_values("gzip;q=0.5, br;q=x, *")
        [('gzip', 0.5), ('br', 0.0), ('*', 1.0)]
    """
    entries = [entry.partition(";") for entry in header.lower().split(",", MAX_COMMAS)]
    return [(name.strip(" \t"), _quality(semicolon + parameters)) for name, semicolon, parameters in entries]


def _quality(parameters: str) -> float:
    match = QUALITY.search(parameters)
    try:
        quality = float(match[1]) if match else 1.0
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
