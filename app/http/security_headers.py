"""Headers of every answer that limit how a browser may use it."""

CONTENT_SECURITY_POLICY = b"content-security-policy"
# An answer that already has one of these headers keeps it, as the page does.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (CONTENT_SECURITY_POLICY, b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
NAMES = frozenset(name for name, _ in SECURITY_HEADERS)


def add_security_headers(headers: list[tuple[bytes, bytes]]) -> None:
    """Add the security headers that an answer does not have yet.

    Args:
        headers: Headers of an answer, with names in lower case; the list is changed.
    Example:
        >>> headers = [(b"cache-control", b"no-cache")]
        >>> add_security_headers(headers)
        >>> len(headers) == len(SECURITY_HEADERS), headers[0]
        (True, (b'cache-control', b'no-cache'))
    """
    names = [name for name, _ in headers]
    if NAMES.isdisjoint(names):  # the common case
        headers.extend(SECURITY_HEADERS)
    else:
        headers.extend([header for header in SECURITY_HEADERS if header[0] not in names])
