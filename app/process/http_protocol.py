"""uvicorn's HTTP protocol with the corrections that real clients need."""

import asyncio
from typing import Any, cast

import httptools
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.http.request_head import MAX_HEAD_BYTES
from app.process.lingering import LingeringTransport

# Answers to bytes that are not a request.
MALFORMED = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"
    b"Invalid HTTP request received."
)
HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n"


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a limit on the head of a request, and with an answer for every client.

    - The parser has no limit and would buffer a head that never ends. This class rejects such a head.
      `RequestMiddleware` answers a complete head that is too large.
    - A connection lingers if it closes before the client has stopped sending.
    - A client that ends its sending side after a complete request still gets the answer.
    - Bytes that are not a request do not replace the answer to a request before them.
    - An offer to upgrade to another protocol is ignored, which RFC 9110, section 7.8, allows.
    """

    _lingering_transport: LingeringTransport  # the same object as `transport`
    _bytes_without_progress = 0  # bytes received since the parser completed a head or a piece of a body
    _is_head_due = False  # between the first byte of a request and the end of its head
    _is_upgrade_offered = False  # by the head that the parser has just completed
    # uvicorn's states of the request that is answered now or was answered last, and of the last complete request.
    _active_cycle: RequestResponseCycle | None = None
    _last_complete_cycle: RequestResponseCycle | None = None
    _ignores_input = False  # after bytes that are not a request

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._lingering_transport = LingeringTransport(cast("asyncio.Transport", transport), self.loop.call_later)
        super().connection_made(self._lingering_transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._lingering_transport.has_unread_input = True
        if self._ignores_input:
            return
        self._bytes_without_progress += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._reject(MALFORMED)
        if self._bytes_without_progress > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._reject(HEAD_TOO_LARGE)

    @override
    def eof_received(self) -> Any:  # a bool, but the overridden method returns None
        """Handle the end of the client's sending side.

        Returns:
            True if the connection stays open for an answer. The kernel does not tell a client that waits for its answer
            from a client that has left, so both are served. With TLS, one side cannot end alone.
        """
        return self._close_after_due_answer() and self.transport.can_write_eof()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._mark_disconnected()

    @override
    def on_message_begin(self) -> None:
        # Not for any byte that arrives: the rest of a body that is answered already must not keep the connection open.
        self._unset_keepalive_if_required()
        self._is_head_due = self._lingering_transport.has_unread_input = True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._bytes_without_progress, self._is_head_due = 0, False
        self._is_upgrade_offered = self.parser.should_upgrade()
        if not self._is_upgrade_offered:
            super().on_headers_complete()
            self.headers = []  # for the trailers of a body in chunks, which are not headers of the request
        elif self.parser.get_method() == b"CONNECT":  # asks for a tunnel, which is more than an offer
            raise httptools.HttpParserError

    @override
    def on_body(self, body: bytes) -> None:
        self._bytes_without_progress = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if not self._is_upgrade_offered:
            self._lingering_transport.has_unread_input = False
            super().on_message_complete()
            self._last_complete_cycle = self.cycle

    @override
    def on_response_complete(self) -> None:
        if self._active_cycle is not None:
            self._active_cycle.body.clear()  # up to 320 KiB that the application did not receive
        super().on_response_complete()
        if self._is_head_due:  # the time has started with this answer, although the next request has begun
            self._unset_keepalive_if_required()

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active_cycle = cycle
        super()._start_asgi_task(cycle, app)

    def _parse(self, data: bytes) -> None:
        """Parse received bytes.

        After a head with an offer to upgrade, the parser takes all further bytes for the other protocol, even the body
        of the request. So a new parser gets the head without the offer, and then the further bytes.
        """
        rest: bytes | memoryview = data
        while rest:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                (head_end,) = offer.args
                rest = memoryview(rest)[head_end:]
            else:
                return
            head = self._write_head_without_upgrade()
            self.parser = httptools.HttpRequestParser(self)
            self.parser.feed_data(head)

    def _write_head_without_upgrade(self) -> bytes:
        """Write the head that the parser has completed, without its header Upgrade."""
        request_line = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        headers = [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([request_line, *headers, b"", b""])

    def _close_after_due_answer(self) -> bool:
        """Close the connection after the answer to the last complete request; return False if it has its answer."""
        cycle = self._last_complete_cycle
        if cycle is None or cycle.response_complete:
            return False
        cycle.keep_alive = False
        return True

    def _reject(self, answer: bytes) -> None:
        """Close the connection because of bytes that are not a request.

        Args:
            answer: Answer to these bytes. It is not sent if the answer to a request before them is due, or if they
                arrived in the body of a request that is answered already.
        """
        self._ignores_input = True
        if self._close_after_due_answer():
            return
        cycle = self._active_cycle
        is_answered_early = cycle is not None and cycle.response_complete and cycle is not self._last_complete_cycle
        if not is_answered_early:
            self.transport.write(answer)
        self.transport.close()
        self._mark_disconnected()

    def _mark_disconnected(self) -> None:
        """Tell the application that no more of its request will arrive, and that no answer can be sent."""
        if self._active_cycle is not None and not self._active_cycle.response_complete:
            self._active_cycle.disconnected = True
            self._active_cycle.message_event.set()
