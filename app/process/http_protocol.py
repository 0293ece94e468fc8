"""uvicorn's HTTP protocol with two corrections."""

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.request_head import MAX_HEAD_BYTES


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a limit on the head of a request, and without connection upgrades.

    The parser has no limit and would buffer a head that never ends. This class rejects such a head.
    `RequestMiddleware` answers a complete head that is too large. After a request for an upgrade, the parser
    would read the following bytes, for example a body, as the next request. This class closes the connection
    after the answer.
    """

    _bytes_without_progress = 0  # bytes received since the parser completed a head or a piece of a body

    @override
    def data_received(self, data: bytes) -> None:
        self._bytes_without_progress += len(data)
        super().data_received(data)
        if self._bytes_without_progress > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n")
            self.transport.close()

    @override
    def on_headers_complete(self) -> None:
        self._bytes_without_progress = 0
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False

    @override
    def on_body(self, body: bytes) -> None:
        self._bytes_without_progress = 0
        super().on_body(body)
