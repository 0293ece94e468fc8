"""Answers to bytes that are not a request are complete HTTP responses with the security headers."""

import http.client
import io
import socket
from typing import Any

import pytest

from app.http.security_headers import SECURITY_HEADERS
from app.process.raw_answers import HEAD_TOO_LARGE, HEAD_TOO_LATE, MALFORMED


class Received(socket.socket):
    """A socket that has received some bytes."""

    def __init__(self, received):
        super().__init__()
        self._received = received

    def makefile(self, *_: Any, **__: Any) -> Any:
        return io.BytesIO(self._received)


@pytest.mark.parametrize(
    ("answer", "status", "reason", "text"),
    [
        (MALFORMED, 400, "Bad Request", b"Invalid HTTP request received."),
        (HEAD_TOO_LATE, 408, "Request Timeout", b""),
        (HEAD_TOO_LARGE, 431, "Request Header Fields Too Large", b""),
    ],
)
def test_answer_names_its_length_and_has_the_security_headers(answer, status, reason, text):
    with Received(answer + b"not a part of the answer") as connection:
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert (response.status, response.reason, response.read()) == (status, reason, text)
    headers = {(name.encode(), value.encode()) for name, value in response.getheaders()}
    content_type = {(b"content-type", b"text/plain; charset=utf-8")} if text else set()
    expected = {*SECURITY_HEADERS, (b"connection", b"close"), (b"content-length", str(len(text)).encode())}
    assert headers == expected | content_type
