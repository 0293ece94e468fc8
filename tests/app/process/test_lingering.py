"""A connection lingers if the client may still send, and within limits of time and bytes."""

import asyncio

import pytest

from app.process.lingering import MAX_DISCARDED_BYTES, LingeringTransport
from tests.transports import Clock, RecordingTransport


class Replaced(asyncio.Protocol):
    """The protocol of a connection before it lingers; it records the end of the connection."""

    def __init__(self):
        self.ends: list[Exception | None] = []

    def connection_lost(self, exc):
        self.ends.append(exc)


class TlsTransport(RecordingTransport):
    """A transport that encrypts its bytes."""

    def __init__(self):
        super().__init__(has_tls=True)
        self.buffer_limit: int | None = None

    def set_write_buffer_limits(self, high=None, low=None):
        assert low is None
        self.buffer_limit = high


class Connection:
    """A connection by TCP or TLS.

    Attributes:
        tcp: The transport that sends bytes.
        real: The transport of the protocol: the same one, or a transport that encrypts.
    """

    def __init__(self, *, has_tls):
        self.clock, self.tcp, self.replaced = Clock(), RecordingTransport(), Replaced()
        self.transport = LingeringTransport(self.tcp, self.clock.call_later)
        self.real = TlsTransport() if has_tls else self.tcp
        if isinstance(self.real, TlsTransport):
            self.transport.enter_tls(self.real)
        self.tcp.set_protocol(self.replaced)

    @property
    def protocol(self):
        """The protocol that receives the bytes of the TCP transport."""
        return self.tcp.get_protocol()

    def is_aborted(self):
        return "abort" in self.tcp.calls


@pytest.fixture(params=[False, True], ids=["TCP", "TLS"])
def connection(request):
    """A connection that lingers."""
    connection = Connection(has_tls=request.param)
    connection.transport.has_unread_input = True
    connection.transport.write(b"answer")
    connection.transport.close()
    return connection


@pytest.mark.parametrize("has_tls", [False, True])
def test_connection_closes_at_once_if_nothing_can_be_unread(has_tls):
    connection = Connection(has_tls=has_tls)
    assert not connection.transport.is_closing()
    connection.transport.close()
    connection.transport.close()
    assert connection.transport.is_closing()
    assert connection.real.calls == connection.tcp.calls == ["close"]
    assert connection.protocol is connection.replaced


@pytest.mark.parametrize("has_unread_input", [False, True])
def test_connection_whose_client_reads_slowly_is_closed_by_tls(has_unread_input):
    connection = Connection(has_tls=True)
    connection.real.unsent_bytes = 1
    connection.transport.has_unread_input = has_unread_input
    connection.transport.close()
    assert connection.real.calls == ["close"]
    assert connection.tcp.calls == []


def test_buffer_of_tls_is_not_larger_than_that_of_tcp():
    assert vars(Connection(has_tls=True).real)["buffer_limit"] == 64 * 1024


def test_lingering_connection_has_ended_its_sending_side_and_reads(connection):
    assert connection.transport.is_closing()
    connection.transport.close()
    connection.transport.write(b"late")
    assert connection.tcp.calls == ["write_eof", "resume_reading"]
    assert connection.real.sent == b"answer"
    assert connection.real is connection.tcp or connection.real.calls == ["close"]


def test_lingering_connection_closes_when_the_client_does(connection):
    assert not connection.protocol.eof_received()  # by which the event loop closes it


def test_lingering_connection_without_input_closes_after_5_seconds(connection):
    connection.clock.move_to(4.9)
    assert not connection.is_aborted()
    connection.clock.move_to(5)
    assert connection.is_aborted()


def test_lingering_connection_closes_5_to_10_seconds_after_the_last_byte(connection):
    for now in (4, 9, 14):
        connection.clock.move_to(now)
        connection.protocol.data_received(b"x")
        connection.clock.move_to(now + 1)
    assert not connection.is_aborted()
    connection.clock.move_to(20)
    assert connection.is_aborted()


def test_lingering_connection_whose_client_sends_slowly_closes_after_30_seconds(connection):
    for now in range(30):
        connection.clock.move_to(now)
        connection.protocol.data_received(b"x")
        assert not connection.is_aborted()
    connection.clock.move_to(30)
    assert connection.is_aborted()


def test_lingering_connection_closes_after_its_limit_of_bytes(connection):
    connection.protocol.data_received(bytes(MAX_DISCARDED_BYTES))
    assert not connection.is_aborted()
    connection.protocol.data_received(b"x")
    assert connection.is_aborted()


def test_lingering_connection_waits_for_a_client_that_reads_its_answer_slowly(connection):
    connection.tcp.unsent_bytes = 1
    for now in (5, 10, 15):
        connection.clock.move_to(now)
    assert not connection.is_aborted()
    connection.tcp.unsent_bytes = 0
    connection.clock.move_to(20)
    assert connection.is_aborted()


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_end_of_a_lingering_connection_is_told_to_the_replaced_protocol(connection, error):
    connection.protocol.connection_lost(error)
    assert connection.replaced.ends == [error]
    assert connection.clock.pending() == []


@pytest.mark.parametrize("has_tls", [False, True])
def test_nothing_is_written_to_a_connection_that_its_client_has_closed(has_tls):
    connection = Connection(has_tls=has_tls)
    connection.transport.write(b"answer")
    connection.real.close()  # as uvloop does when the client ends TLS
    connection.transport.write(b"late")
    assert connection.real.sent == b"answer"
