"""Closing of a connection so that the client receives the last answer, although it still sends.

If a socket is closed while it has unread bytes, the kernel resets the connection, and the client loses the answer. The
remedy is a lingering close: send the answer, end the sending side, read and discard until the client closes its side.
With TLS, the answer ends with the alert close_notify. From then on, input is discarded without decryption.
Source: RFC 9112, section 9.6; nginx's directives lingering_close, lingering_time and lingering_timeout.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

from typing_extensions import override

CallLater: TypeAlias = Callable[..., asyncio.TimerHandle]  # the method `call_later` of an event loop

# A lingering connection on which nothing has arrived since the last check is closed. Source of the times: nginx's
# defaults of lingering_timeout and lingering_time, 5 s and 30 s.
SECONDS_BETWEEN_CHECKS = 5.0
MAX_CHECKS = 6
MAX_DISCARDED_BYTES = 64 * 1024 * 1024  # eight times the largest picture by default

# Limit of the bytes that wait for their encryption, besides those that the TCP transport holds. uvloop has 512 KiB.
TLS_BUFFER_BYTES = 64 * 1024


class LingeringTransport(asyncio.Transport):
    """Transport whose `close` lingers if the client may still send.

    Args:
        transport: The TCP transport of the connection.
        call_later: Schedules the checks of a lingering connection.

    Attributes:
        has_unread_input: True if the client may have sent bytes that are not read yet.
    """

    def __init__(self, transport: asyncio.Transport, call_later: CallLater) -> None:
        super().__init__()
        self._tcp_transport = self._transport = transport
        self._call_later = call_later
        self._is_lingering = False
        self.has_unread_input = False

    def enter_tls(self, transport: asyncio.Transport) -> None:
        """Send and receive by TLS from now on.

        Args:
            transport: The transport that encrypts its bytes and sends them by the TCP transport.
        """
        self._transport = transport
        transport.set_write_buffer_limits(TLS_BUFFER_BYTES)

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    @override
    def pause_reading(self) -> None:
        self._transport.pause_reading()

    @override
    def resume_reading(self) -> None:
        self._transport.resume_reading()

    @override
    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.is_closing():  # TLS would log a warning
            self._transport.write(data)

    @override
    def is_closing(self) -> bool:
        return self._is_lingering or self._transport.is_closing()

    @override
    def abort(self) -> None:
        self._transport.abort()

    @override
    def close(self) -> None:
        """Send all written bytes, and close the connection: at once, or when the client has stopped sending."""
        if self.is_closing():
            return
        if self._transport is not self._tcp_transport:
            self._transport.close()
            if self._transport.get_write_buffer_size() > 0:  # TLS sends it, and discards all input meanwhile
                return
        if not self.has_unread_input:
            self._tcp_transport.close()
            return
        self._is_lingering = True
        self._tcp_transport.set_protocol(DiscardingProtocol(self._tcp_transport, self._call_later))
        self._tcp_transport.write_eof()
        self._tcp_transport.resume_reading()


class DiscardingProtocol(asyncio.Protocol):
    """Protocol that discards all input until the client closes the connection or a limit is reached.

    Args:
        transport: The transport of the connection. Its protocol is replaced, and is told when the connection is lost.
        call_later: Schedules the checks.
    """

    def __init__(self, transport: asyncio.Transport, call_later: CallLater) -> None:
        self._transport, self._call_later = transport, call_later
        self._replaced_protocol = transport.get_protocol()
        self._discarded_bytes = 0
        self._next_check = self._schedule_check(MAX_CHECKS)

    @override
    def data_received(self, data: bytes) -> None:
        self._discarded_bytes += len(data)
        if self._discarded_bytes > MAX_DISCARDED_BYTES:
            self._transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._next_check.cancel()
        self._replaced_protocol.connection_lost(exc)

    def _schedule_check(self, remaining_checks: int) -> asyncio.TimerHandle:
        return self._call_later(SECONDS_BETWEEN_CHECKS, self._check, self._discarded_bytes, remaining_checks)

    def _check(self, discarded_bytes_before: int, remaining_checks: int) -> None:
        """Close the connection if it is idle since the last check, or if this is the last check."""
        is_answer_sent = self._transport.get_write_buffer_size() == 0
        if remaining_checks == 1 or (is_answer_sent and self._discarded_bytes == discarded_bytes_before):
            self._transport.abort()
        else:
            self._next_check = self._schedule_check(remaining_checks - 1)
