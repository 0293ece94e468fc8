"""uvicorn's HTTP protocol with the corrections that real clients need."""

import asyncio
from functools import partial
from typing import Any, cast

import httptools
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.http.body import DISCARD_BODY_KEY, body_in_too_many_chunks, body_too_late
from app.http.request_head import EXCESS_CONNECTION_KEY, MAX_HEAD_BYTES
from app.process.connection_limits import MAX_EXCESS_CONNECTIONS, Deadline, LimitedConfig, Phase
from app.process.input_flow import InputFlow
from app.process.lingering import LingeringTransport
from app.process.raw_answers import HEAD_TOO_LARGE, HEAD_TOO_LATE, MALFORMED
from app.process.request_cycle import end_body, mark_disconnected
from app.process.upgrade import feed_parser

MAX_PIECE_BYTES = 4 * 1024  # parsed at once; 100 of the smallest requests
MAX_CHUNKS = 65_536  # of a body
# Of headers in an incomplete head, or of trailers in an incomplete body. Each of them takes about 150 bytes of memory.
MAX_HEADERS = 200


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with limits for the clients, and with an answer for every client.

    - Each wait for the client has a time limit, and the number of connections has a limit.
    - The parser has no limit and would buffer a head that never ends. This class rejects such a head.
      `RequestMiddleware` answers a complete head that is too large.
    - A connection lingers if it closes before the client has stopped sending.
    - A client that ends its sending side after a complete request still gets the answer.
    - Bytes that are not a request do not replace the answer to a request before them.
    - Requests behind the request that is answered are not parsed before their turn.
    """

    _lingering_transport: LingeringTransport  # the same object as `transport`
    _bytes_without_progress = 0  # bytes received since the parser completed a head or a piece of a body
    _is_head_due = False  # between the first byte of a request and the end of its head
    _chunks = 0  # of the body that is being received
    _is_upgrade_offered = False  # by the head that the parser has just completed
    # uvicorn's states of the request that is answered now or was answered last, and of the last complete request.
    _active_cycle: RequestResponseCycle | None = None
    _last_complete_cycle: RequestResponseCycle | None = None
    _ignores_input = False  # after bytes that are not a request
    _is_excess = False  # this connection is above the limit
    _deadline: Deadline

    def __init__(
        self,
        config: LimitedConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = config.limits
        self._unparsed = bytearray()  # received behind a request that waits for the end of the current one

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._lingering_transport = LingeringTransport(cast("asyncio.Transport", transport), self.loop.call_later)
        super().connection_made(self._lingering_transport)
        self.flow = InputFlow(self._lingering_transport, self._update_deadline, self.pipeline, self._unparsed)
        excess = len(self.connections) - self._limits.connections
        self._is_excess = excess > 0
        self._start_deadline()
        if excess > MAX_EXCESS_CONNECTIONS:
            self._lingering_transport.abort()

    @override
    def shutdown(self) -> None:
        """Close the connection after its next answer, or if no request arrives in time."""
        if self._active_cycle is not None and not self._active_cycle.response_started:
            self._active_cycle.keep_alive = False
        self._deadline.cancel()
        self._start_deadline()

    @override
    def data_received(self, data: bytes) -> None:
        self._lingering_transport.has_unread_input = True
        if self._ignores_input:
            return
        self._receive(data)
        self._update_deadline()

    def _receive(self, data: bytes) -> None:
        """Parse received bytes up to the piece in which a second request begins to wait."""
        if len(data) <= MAX_PIECE_BYTES:
            self._receive_piece(data)
        else:
            self._receive_pieces(memoryview(data))
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and cycle.more_body and cycle.body and not self.transport.is_closing():
            self.flow.pause_reading()  # until the application asks for more, because it may reject the request

    def _receive_pieces(self, rest: memoryview) -> None:
        while rest and not self.pipeline and not self._ignores_input:
            self._receive_piece(rest[:MAX_PIECE_BYTES])
            rest = rest[MAX_PIECE_BYTES:]
        self._unparsed += rest
        self._lingering_transport.has_unread_input |= bool(rest)

    def _receive_piece(self, data: bytes | memoryview) -> None:
        self._bytes_without_progress += len(data)
        try:
            feed_parser(self, data)
        except httptools.HttpParserError:
            self._reject(MALFORMED)
        # `headers` has the headers of an incomplete head, or the trailers of an incomplete body.
        has_large_head = self._bytes_without_progress > MAX_HEAD_BYTES or len(self.headers or ()) > MAX_HEADERS
        if has_large_head and not self.transport.is_closing():
            self._reject(HEAD_TOO_LARGE)

    @override
    def eof_received(self) -> Any:  # a bool, but the overridden method returns None
        """Handle the end of the client's sending side.

        Returns:
            True if the connection stays open for an answer. The kernel does not tell a client that waits for its answer
            from a client that has left, so both are served. With TLS, the connection closes.
        """
        return self._close_after_due_answer() and self.transport.can_write_eof()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._deadline.cancel()
        mark_disconnected(self._active_cycle)

    @override
    def on_message_begin(self) -> None:
        self._is_head_due = self._lingering_transport.has_unread_input = True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._bytes_without_progress, self._chunks, self._is_head_due = 0, 0, False
        self._is_upgrade_offered = self.parser.should_upgrade()
        if not self._is_upgrade_offered:
            super().on_headers_complete()
            self.headers = []  # for the trailers of a body in chunks, which are not headers of the request
        elif self.parser.get_method() == b"CONNECT":  # asks for a tunnel, which is more than an offer
            raise httptools.HttpParserError

    def on_chunk_header(self) -> None:
        """Count a chunk of a body; the last, empty chunk counts, too."""
        self._chunks += 1

    @override
    def on_body(self, body: bytes) -> None:
        self._bytes_without_progress = 0
        super().on_body(body)
        if self._chunks > MAX_CHUNKS:
            self._ignores_input = True
            end_body(self.cycle, body_in_too_many_chunks(MAX_CHUNKS))

    @override
    def on_message_complete(self) -> None:
        if not self._is_upgrade_offered:
            self._lingering_transport.has_unread_input = self.flow.read_paused
            super().on_message_complete()
            self._last_complete_cycle = self.cycle

    @override
    def on_response_complete(self) -> None:
        if self._active_cycle is not None:
            self._active_cycle.body.clear()  # the part that the application did not receive
        # The overridden method would also start a timer for each request, which the deadline replaces.
        if not self.transport.is_closing():
            self._serve_waiting_request()
        self._update_deadline()

    def _serve_waiting_request(self) -> None:
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if self._unparsed and not self.pipeline:
            waiting = bytes(self._unparsed)
            self._unparsed.clear()
            self._receive(waiting)
        self.flow.resume_reading()

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active_cycle = cycle
        if self._limits.is_shutting_down:
            cycle.keep_alive = False
        scope = cast("dict[str, Any]", cycle.scope)
        scope[DISCARD_BODY_KEY] = partial(cast("InputFlow", self.flow).discard, cycle.body)
        if self._is_excess:
            scope[EXCESS_CONNECTION_KEY] = True
        super()._start_asgi_task(cycle, app)

    def _start_deadline(self) -> None:
        seconds = self._limits.excess_seconds if self._is_excess else self._limits.seconds
        self._deadline = Deadline(self.loop, seconds)
        self._update_deadline()

    def _update_deadline(self) -> None:
        """Start the time limit of the current phase, if the phase has changed."""
        cycle = self._active_cycle
        if self.transport.is_closing():
            phase = Phase.CLOSE
        elif self.flow.write_paused:
            phase = Phase.READER
        elif cycle is not None and not cycle.response_complete:
            phase = Phase.BODY if cycle.more_body else Phase.APPLICATION
        else:
            phase = Phase.HEAD if cycle is None or self._is_head_due else Phase.NEXT_REQUEST
        self._deadline.enter(phase, self._expire)

    def _expire(self, phase: Phase) -> None:
        """End a phase that has lasted too long."""
        if phase is Phase.BODY and self._active_cycle is not None:
            end_body(self._active_cycle, body_too_late(self._limits.body_seconds))
        elif phase in {Phase.READER, Phase.CLOSE}:
            self._lingering_transport.abort()
        elif self._is_head_due:
            self._reject(HEAD_TOO_LATE)
        else:
            self.transport.close()
        self._update_deadline()

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
        mark_disconnected(self._active_cycle)
