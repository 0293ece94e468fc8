"""Answers to bytes that are not a request, which no application sees."""

from app.http.security_headers import SECURITY_HEADERS


def write_answer(status: bytes, text: bytes = b"") -> bytes:
    """Write an answer after which the connection closes.

    Args:
        status: Status code and reason phrase.
        text: Body of the answer.
    Returns:
        The bytes of the answer.
    """
    headers = [(b"connection", b"close"), (b"content-length", b"%d" % len(text)), *SECURITY_HEADERS]
    if text:
        headers.append((b"content-type", b"text/plain; charset=utf-8"))
    head = b"".join(b"%s: %s\r\n" % header for header in headers)
    return b"HTTP/1.1 %s\r\n%s\r\n%s" % (status, head, text)


MALFORMED = write_answer(b"400 Bad Request", b"Invalid HTTP request received.")
HEAD_TOO_LARGE = write_answer(b"431 Request Header Fields Too Large")
HEAD_TOO_LATE = write_answer(b"408 Request Timeout")
