"""Parsing of request headers."""

from starlette.datastructures import Headers

JSON = "application/json"
# Media types that a client sends when its user set none: no Content-Type at all, or the default of curl.
UNSET_MEDIA_TYPES = ("", "application/x-www-form-urlencoded")


def combined_header(headers: Headers, name: str) -> str | None:
    """Join all lines of a header.

    Args:
        headers: Headers of the request.
        name: Name of the header.
    Returns:
        The values separated by commas, or None if the request has no such header.
    Source: RFC 9110, section 5.3.
    """
    return ", ".join(headers.getlist(name)) if name in headers else None


def is_parsed_as_json(content_type: str) -> bool:
    """Tell whether a body is parsed as JSON.

    Args:
        content_type: Value of the Content-Type header, empty if there is none.
    Returns:
        True for a JSON media type, and for the media types that a client sends by default.
    """
    if content_type == JSON:
        return True
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == JSON or media_type in UNSET_MEDIA_TYPES or media_type.endswith("+json")
